"""The recipes of docs/nightly.md: what can be checked without cron and GitHub is."""

import re
import shutil
import subprocess

import pytest
import yaml

from sertools import report
from sertools.cli import main


@pytest.fixture(scope="module")
def recipes(checkout):
    """Give the fenced blocks: kind to texts."""
    text = (checkout / "docs" / "nightly.md").read_text(encoding="utf-8")
    found = {}
    for kind, block in re.findall(r"```(\w+)\n(.*?)```", text, flags=re.DOTALL):
        found.setdefault(kind, []).append(block)
    return found


def test_the_plan_is_one(recipes, tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(recipes["yaml"][0].replace("emodb", "demo"))  # which is here
    plan = report.read_plan(path)
    assert [run.values["head"] for run in plan.runs] == ["svm", "random_forest"]
    assert plan.jobs == 2


def test_the_workflow_is_yaml_with_steps(recipes):
    workflow = yaml.safe_load(recipes["yaml"][1])
    steps = workflow["jobs"]["report"]["steps"]
    assert all("run" in step or "uses" in step for step in steps)


def test_shell_recipes_are_shell(recipes):
    for block in recipes["bash"]:
        done = subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr


def test_every_command_and_option_is_there(recipes, capsys):
    blocks = [block for kind in ("bash", "yaml") for block in recipes[kind]]
    text = "\n".join(blocks).replace("\\\n", " ")
    lines = re.findall(r"sertools ((?:report|compare|fetch) [^\n#|>]*)", text)
    assert len(lines) >= 6
    for line in lines:
        command, *rest = line.split()
        assert main([command, "--help"]) == 0
        known = capsys.readouterr().out
        for option in (word for word in rest if word.startswith("--")):
            assert option in known, line


def test_the_baseline_holds_what_compare_needs(recipes, tmp_path, monkeypatch):
    runs = tmp_path / "runs" / "toy"
    runs.mkdir(parents=True)
    for name in ("run.json", "metrics.json", "report.html", "notebook.ipynb"):
        (runs / name).touch()
    (runs / "predictions.parquet").touch()
    block = next(block for block in recipes["bash"] if "rm -rf baseline" in block)
    subprocess.run(["sh", "-ec", block], cwd=tmp_path, check=True)
    left = {path.name for path in (tmp_path / "baseline" / "toy").iterdir()}
    assert left == {"run.json", "metrics.json", "predictions.parquet"}
    shutil.rmtree(tmp_path / "baseline")
