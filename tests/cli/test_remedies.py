"""Every remedy that the code can print: the command is there, its options parse."""

import ast
import re
import shlex
from pathlib import Path

import pytest

import sertools
from sertools.cli import _main, report

HOUSE = Path(sertools.__file__).parent
PARSER, COMMANDS = _main._parser()
# Options of other programs, and what is handed on to them.
OTHERS = {
    *("--force-reinstall", "--no-deps", "--sys-prefix", "--upgrade", "--porcelain"),
    *("--untracked-files", "--log-level", "--no-browser", "--notebook-dir"),
}
_LINE = re.compile(r"(?<![\w./-])sertools ([a-z]+(?:-[a-z]+)*)\b([^\n.;()`]*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*(?![\w.])")
_WORDS = {"is", "import", "in", "has"}


def texts(path: Path):
    """Give every text of a module that is no docstring, with X for what is put in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in docs or id(node) in parts:
            continue
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    part.value if isinstance(part, ast.Constant) else "X"
                    for part in node.values
                ),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def options_of(command: str) -> set[str]:
    return set(COMMANDS[command]._option_string_actions)


EVERY = {option for command in COMMANDS for option in options_of(command)}
EVERY |= set(PARSER._option_string_actions)
PRINTED = [
    (f"{path.relative_to(HOUSE)}:{line}", text)
    for path in sorted(HOUSE.rglob("*.py"))
    if "_shipped" not in path.parts
    for line, text in texts(path)
]
LINES = [
    (where, command, rest)
    for where, text in PRINTED
    for command, rest in _LINE.findall(text)
    if command not in _WORDS
]


def test_there_are_remedies_to_look_at():
    assert len(LINES) > 20


@pytest.mark.parametrize(("where", "command", "rest"), LINES)
def test_a_command_that_is_named_is_there_with_its_options(where, command, rest):
    assert command in COMMANDS, f"{where}: sertools {command}{rest}"
    wrong = set(_OPTION.findall(rest)) - options_of(command) - OTHERS
    assert not wrong, f"{where}: sertools {command}{rest}"


def test_an_option_that_is_named_is_some_commands():
    for where, text in PRINTED:
        for option in set(_OPTION.findall(text)) - OTHERS:
            assert option in EVERY, f"{where}: {option} in {text!r}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_near_miss_is_answered_with_an_option_of_this_command(command, capsys):
    for option in sorted(options_of(command) - {"-h", "--help", "-p"}):
        missed = option[:-2] + option[-1]
        if missed in options_of(command) or command == "lab":
            continue
        needed = [command]
        for action in COMMANDS[command]._actions:
            if action.required and not action.option_strings:
                needed.append("demo")
            elif action.required:
                needed += [action.option_strings[0], "demo"]
        if command == "compare":
            needed.append("demo")
        assert _main.main([*needed, missed]) == 2
        said = capsys.readouterr().err
        hints = re.findall(r"Did you mean (.*?)\?", said)
        offered = set(_OPTION.findall(" ".join(hints)))
        assert offered <= options_of(command), said


@pytest.mark.parametrize("option", ["--json", "--jobs"])
def test_an_option_before_the_command_is_told_where_it_belongs(option, capsys):
    assert _main.main([option, "report"]) == 2
    said = capsys.readouterr().err
    assert f"behind the command: sertools report {option}" in said
    assert "Did you mean" not in said


def test_a_report_names_parameters_where_others_have_options(capsys, tmp_path):
    line = ["report", "quickstart", "-p", "dataset", "savee", "-p", "root", "nowhere"]
    assert _main.main([*line, "--out", str(tmp_path)]) == 2
    assert "(-p root DIR)" in capsys.readouterr().err.splitlines()[-1]
    told = report._with_parameters("name its folder (--root); see --out, --trust.")
    assert told == "name its folder (-p root); see --out, --trust."


def test_what_is_not_alike_is_no_hint(capsys):
    assert _main.main(["--train"]) == 2
    assert "--version" not in capsys.readouterr().err


def test_shell_lines_in_messages_can_be_split():
    for where, command, rest in LINES:
        assert shlex.split(rest.replace("'", "")) is not None, (where, command)
