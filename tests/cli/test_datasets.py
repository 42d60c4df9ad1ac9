"""`sertools datasets`: what is here, and the command for the rest."""

import json

import pytest

from sertools.cli import main
from sertools.datasets._files import official


@pytest.fixture(autouse=True)
def _places(tmp_path, monkeypatch):
    """Have some of EmoDB, all of SAVEE, and a folder of RAVDESS without a clip."""
    monkeypatch.setenv("SERTOOLS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name, share in (("emodb", 100), ("savee", None), ("ravdess", 0)):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for clip in list(official(name))[:share]:
            (folder / f"{clip}.wav").touch()


def listed(capsys) -> dict[str, dict]:
    assert main(["datasets", "--json"]) == 0
    return {card["name"]: card for card in json.loads(capsys.readouterr().out)}


def test_it_counts_what_is_here(capsys):
    cards = listed(capsys)
    here = {name: (card["n_here"], card["complete"]) for name, card in cards.items()}
    assert here == {
        "crema_d": (0, False),
        "demo": (192, True),
        "emodb": (100, False),
        "folder": (0, None),
        "ravdess": (0, False),
        "savee": (480, True),
        "tess": (0, False),
    }


def test_it_names_the_command_for_the_rest(capsys, tmp_path):
    cards = listed(capsys)
    assert cards["emodb"]["command"] == "sertools fetch emodb"
    assert cards["emodb"]["folder"] == str(tmp_path / "data" / "emodb")
    assert cards["savee"]["command"] is None
    assert cards["ravdess"]["command"] == "sertools fetch ravdess"
    assert cards["demo"]["command"] is None


def test_the_list_is_a_line_a_corpus(capsys):
    assert main(["datasets"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert "100 of 535" in rows["emodb"]
    assert rows["emodb"].endswith("the whole: sertools fetch emodb")
    assert "48" in rows["emodb"].split()
    assert "synthetic" in rows["demo"]
    assert "CC-BY-NC-SA-4.0" in rows["ravdess"]


def test_one_corpus_is_described(capsys):
    assert main(["datasets", "emodb"]) == 0
    said = capsys.readouterr().out
    assert "here: 100 of 535 clips in " in said
    assert "the whole corpus: sertools fetch emodb" in said
    assert "Burkhardt et al. (2005)" in said


def test_fetch_says_where_to_register_and_goes_on(capsys, tmp_path):
    (tmp_path / "data" / "savee").rename(tmp_path / "data" / "elsewhere")
    assert main(["fetch", "savee", "ravdess", "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == {"savee": None, "ravdess": None}
    assert "Register with the University of Surrey" in said.err
    assert "no commercial use" in said.err
    assert "sertools fetch ravdess --yes" in said.err
