"""The house rules, read from the source."""

import ast
import importlib
import inspect
import itertools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sertools

HOUSE = Path(sertools.__file__).parent
FLOORS = (
    {"_head_contents", "lazy", "markup"},
    {
        *("atomic", "card", "extras", "fetching", "labels", "locks"),
        *("progress", "shipped"),
    },
    {"audio", "intended_use", "trust"},
    {"datasets", "models", "store"},
    {"features"},
    {"evaluation"},
    {"adapter", "plots", "training"},
    {"widgets"},
    {"doctor", "report"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(path for path in HOUSE.rglob("*.py") if "_shipped" not in path.parts)
MODULES = [path for path in FILES if path != HOUSE / "__init__.py"]
ROOMS = sorted({path.relative_to(HOUSE).parts[0].removesuffix(".py") for path in FILES})
PACKAGES = [path for path in FILES if path.name == "__init__.py"]
NOTEBOOKS = sorted(Path(HOUSE.parent, "notebooks").glob("*.ipynb"))
HEAVY = ("numpy", "pandas", "torch", "tensorflow", "opensmile", "matplotlib")


def name(path: Path) -> str:
    return str(path.relative_to(HOUSE.parent))


def room(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """List the absolute dotted names that a file imports, anywhere in it."""
    package = ("sertools", *path.relative_to(HOUSE).parent.parts)
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) + 1 - node.level])
            parts = [start if node.level else "", node.module or ""]
            base = ".".join(part for part in parts if part)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def test_every_room_has_a_floor():
    assert set(ROOMS) - {"__init__"} <= set(FLOOR)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_imports_only_from_lower_floors(path):
    for dotted in imported(path):
        parts = dotted.split(".")
        if parts[0] != "sertools" or len(parts) == 1 or parts[1] == room(path):
            continue
        assert parts[1] in FLOOR or hasattr(sertools, parts[1]), dotted
        assert FLOOR.get(parts[1], -1) < FLOOR[room(path)], f"imports {dotted}"


@pytest.mark.parametrize("path", PACKAGES, ids=name)
def test_a_package_only_hands_names_on_lazily(path):
    assert imported(path) <= {"sertools.lazy.attach"}
    kinds = (ast.Expr, ast.ImportFrom, ast.Assign)
    assert all(isinstance(node, kinds) for node in tree(path).body)


@pytest.mark.parametrize("path", PACKAGES, ids=name)
def test_every_name_handed_on_is_there(path):
    dotted = ".".join(path.relative_to(HOUSE.parent).parent.parts)
    package = importlib.import_module(dotted)
    if not hasattr(package, "__all__"):  # a drawer within a room
        assert package.__doc__
        return
    assert len(set(package.__all__)) == len(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for public in package.__all__:
        value = getattr(package, public)
        assert inspect.getdoc(value), f"{dotted}.{public} has no docstring"
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name


@pytest.mark.parametrize("path", FILES, ids=name)
def test_library_code_neither_prints_nor_asserts(path):
    calls = [n.func for n in ast.walk(tree(path)) if isinstance(n, ast.Call)]
    printed = [f.lineno for f in calls if isinstance(f, ast.Name) and f.id == "print"]
    asserted = [n.lineno for n in ast.walk(tree(path)) if isinstance(n, ast.Assert)]
    assert not asserted
    assert not printed


@pytest.mark.parametrize("path", FILES, ids=name)
def test_names_say_what_they_are(path):
    parts = {part.removesuffix(".py") for part in path.relative_to(HOUSE).parts}
    assert not parts & {"utils", "helpers", "common", "core", "manager", "misc"}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_functions_are_of_a_size_one_can_hold_in_mind(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            lines = node.end_lineno - node.lineno + 1
            lines -= text.count("\n") + 1 if text else 0
            assert lines <= 70, f"{node.name} has {lines} lines"


def test_every_package_that_is_imported_is_declared():
    project = tomllib.loads((HOUSE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    lines = itertools.chain(project["dependencies"], *extras)
    declared = {re.match(r"[\w-]+", line).group().lower() for line in lines}
    called = {
        "bs4": "beautifulsoup4",
        "sklearn": "scikit-learn",
        "umap": "umap-learn",
        "whisper": "openai-whisper",
        "yaml": "pyyaml",
    }
    for path in FILES:
        for dotted in imported(path):
            top = dotted.split(".")[0]
            if top not in sys.stdlib_module_names and top != "sertools":
                package = called.get(top, top).replace("_", "-").lower()
                assert package in declared, f"{name(path)} imports {top}"


def test_the_import_is_instant_and_loads_nothing_heavy():
    code = f"import sys, sertools; print([m for m in {HEAVY!r} if m in sys.modules])"
    runs = [
        subprocess.run(
            [sys.executable, "-X", "importtime", "-c", code],
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(3)
    ]
    assert runs[0].stdout.strip() == "[]"
    microseconds = [
        int(line.split("|")[1])
        for run in runs
        for line in run.stderr.splitlines()
        if line.endswith("| sertools")
    ]
    assert min(microseconds) < 20_000


def test_the_rooms_are_there_at_first_use():
    code = "from sertools import datasets, evaluation, plots; print('here')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "here", run.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_use_only_public_names_and_define_nothing(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    source = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    module = ast.parse(re.sub(r"(?m)^\s*[%!].*$", "", source))
    rooms = {}
    for node in ast.walk(module):
        assert not isinstance(node, ast.FunctionDef | ast.ClassDef), node.name
        if isinstance(node, ast.Import | ast.ImportFrom):
            handed = {a.asname or a.name: a.name for a in node.names}
            if isinstance(node, ast.ImportFrom) and node.module == "sertools":
                assert set(handed.values()) <= set(sertools.__all__)
                rooms |= {n: getattr(sertools, real) for n, real in handed.items()}
            else:
                assert not any("sertools." in n for n in handed.values())
                assert not str(getattr(node, "module", "")).startswith("sertools.")
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_"), node.attr
            if isinstance(node.value, ast.Name) and node.value.id in rooms:
                assert node.attr in rooms[node.value.id].__all__, ast.unparse(node)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_hold_no_output(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
