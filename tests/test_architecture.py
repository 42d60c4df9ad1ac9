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
    {
        "_head_contents",
        "_interpreter",
        "display",
        "extras",
        "labels",
        "metadata",
        "progress",
    },
    {"files"},
    {"fetching", "intended_use", "trust"},
    {"audio"},
    {"datasets", "models", "store"},
    {"features"},
    {"evaluation"},
    {"calibration", "inspection"},
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
TESTS = sorted(Path(HOUSE.parent, "tests").rglob("test_*.py"))
NOTEBOOKS = sorted(Path(HOUSE.parent, "notebooks").glob("*.ipynb"))
# What is tested beside the modules: the project as a whole, and every file of a room.
PROJECT_TESTS = {
    *("test_architecture", "test_packaging", "test_launch", "test_nightly"),
    *("test_demo_corpus", "test_documents"),
}
ROOM_TESTS = {"test_contract", "test_contributing", "test_browser", "test_in_reports"}
ROOM_TESTS |= {"test_dark_figures", "test_remedies"}
ROOM_TESTS |= {"test_remedies"}
HEAVY = ("numpy", "pandas", "torch", "tensorflow", "opensmile", "matplotlib")


def name(path: Path) -> str:
    return str(path.relative_to(HOUSE.parent))


def room(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def dotted(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def home(full: str, modules) -> str | None:
    """Name the module in which an imported name lives; None outside the house."""
    while full:
        if full in modules:
            return full
        full = full.rpartition(".")[0]
    return None


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


def test_nothing_imports_in_a_circle():
    """Inside rooms, inside functions and for type checkers only, too."""
    modules = {dotted(path): imported(path) for path in FILES}
    arrows = {
        module: {home(name, modules) for name in names} - {None, module, "sertools"}
        for module, names in modules.items()
        if module != "sertools"
    }
    faces = {dotted(path) for path in PACKAGES}
    for start in arrows:
        seen, todo = set(), [(start, (start,))]
        while todo:
            here, way = todo.pop()
            for there in arrows.get(here, set()) - faces:
                assert there != start, " -> ".join([*way, there])
                if there not in seen:
                    seen.add(there)
                    todo.append((there, (*way, there)))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_another_room_s_private_modules_are_lower_or_not_touched(path):
    modules = {dotted(file) for file in FILES}
    for full in imported(path):
        target = home(full, modules)
        if target is None or "._" not in target:
            continue
        there = target.split(".")[1]
        assert there == room(path) or FLOOR[there] < FLOOR[room(path)], full


@pytest.mark.parametrize("path", PACKAGES, ids=name)
def test_a_package_only_hands_names_on_lazily(path):
    assert imported(path) <= {"lazy_loader"}
    kinds = (ast.Expr, ast.Import, ast.Assign)
    assert all(isinstance(node, kinds) for node in tree(path).body)


@pytest.mark.parametrize("path", PACKAGES, ids=name)
def test_stub_and_package_are_the_same(path):
    stub = path.with_suffix(".pyi")
    handed = {
        alias.asname
        for node in tree(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    package = importlib.import_module(dotted(path))
    assert handed, f"{stub} hands nothing on"
    assert handed == set(package.__all__) == set(dir(package)) - {"__version__"}
    for public in sorted(handed):
        value = getattr(package, public)
        assert inspect.getdoc(value), f"{dotted(path)}.{public} has no docstring"
        if not inspect.ismodule(value) and hasattr(value, "__module__"):
            assert value.__module__.startswith(dotted(path)), public
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name


def test_type_checkers_are_told_that_there_are_types():
    assert (HOUSE / "py.typed").is_file()


def test_a_type_checker_and_an_editor_know_every_public_name(tmp_path):
    jedi = pytest.importorskip("jedi")
    pytest.importorskip("mypy")
    names = [
        f"{dotted(path)}.{public}"
        for path in PACKAGES
        for public in importlib.import_module(dotted(path)).__all__
    ]
    names += [f"sertools.calibration.{n}" for n in sertools.calibration.__all__]
    rooms = sorted({full.rpartition(".")[0] for full in names})
    lines = [
        *(f"import {room}" for room in rooms),
        *(f"reveal_type({n})" for n in names),
    ]
    (tmp_path / "all.py").write_text("\n".join(lines))
    run = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--ignore-missing-imports"),
            *("--follow-imports=silent", "--cache-dir", tmp_path / "cache"),
            tmp_path / "all.py",
        ],
        capture_output=True,
        text=True,
        cwd=HOUSE.parent,
    )
    told = re.findall(r'note: Revealed type is "(.*)"', run.stdout)
    assert len(told) == len(names), run.stdout[-2000:]
    unknown = [name for name, kind in zip(names, told, strict=True) if kind == "Any"]
    assert not unknown
    source = "\n".join(lines)
    script = jedi.Script(source, path=tmp_path / "all.py")
    for number, line in enumerate(lines, 1):
        if line.startswith("reveal_type"):
            assert script.goto(number, len(line) - 2, follow_imports=True), line


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_tests_stand_where_what_they_test_stands(path):
    inside = path.relative_to(HOUSE.parent / "tests")
    if len(inside.parts) == 1 and inside.stem in PROJECT_TESTS:
        return
    if inside.parts[0] == "notebooks" or inside.stem in ROOM_TESTS:
        return
    stem = inside.stem.removeprefix("test_")
    folder = HOUSE / inside.parent
    there = {path.stem for path in folder.glob("*.py")} | {
        path.name for path in folder.iterdir() if path.is_dir()
    }
    assert {stem, f"_{stem}"} & there, f"{inside} tests no file of sertools"


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
