"""The worked example for a further corpus does what it says."""

import re

import pytest

from sertools import datasets
from sertools.datasets import _registry
from sertools.metadata import ClipsMetadata


@pytest.fixture
def moods(checkout, tmp_path, monkeypatch):
    """Write the example into a file and put it into the list, as the folder would."""
    text = (checkout / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [source] = re.findall(r"```python\n([^`]*class Moods.*?)```", text, re.DOTALL)
    (tmp_path / "moods.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import moods

    monkeypatch.setitem(_registry._CORPORA, "moods", moods.Moods())
    return text


def test_one_file_of_facts_is_all_it_takes(moods, plant):
    [example] = re.findall(r"names its clips `(\S+\.wav)`", moods)
    clips = datasets.load("moods", plant(example, "x/S02_ANGER_forest.WAV", "y.wav"))
    assert clips.index.tolist() == ["moods/S02_ANGER_forest", "moods/s01_joy_kitchen"]
    assert clips["emotion"].tolist() == ["angry", "happy"]
    assert clips["sex"].tolist() == ["male", "female"]
    assert [row["clip"] for row in ClipsMetadata.of(clips).excluded] == ["y.wav"]
    assert datasets.card("moods")["n_speakers"] == 6
    assert datasets.audit(clips, progress=False).passed
