import re

import pandas as pd
import pytest

from sertools import datasets, labels
from sertools.metadata import ClipsMetadata

ATTACK = "<img src=x onerror=alert(1)>"


def table(**columns) -> pd.DataFrame:
    rows = {
        "emotion": ["sad", "happy", "sad"],
        "speaker": ["x/a", "x/a", "x/b"],
        "sex": ["male", "male", None],
        "dataset": "x",
    }
    clips = pd.DataFrame({**rows, **columns}, index=["x/1", "x/2", "x/3"])
    return clips.loc[:, clips.notna().any()]


def test_it_counts_clips_speakers_and_emotions():
    found = datasets.overview(table())
    assert (found.corpora, found.n_clips, found.n_speakers) == (("x",), 3, 2)
    assert found.sexes == {"male": 1}
    assert found.emotions["n_clips"].to_dict() == {"happy": 1, "sad": 2}
    assert found.emotions.loc["sad", ["fewest", "most"]].tolist() == [1, 1]
    first, happy, sad = repr(found).splitlines()
    assert first == "x: 3 clips, 2 speakers (1 male), 2 emotions"
    assert 2 * happy.count("█") == sad.count("█")


def test_in_a_notebook_it_is_a_table_in_the_emotions_colours():
    page = datasets.overview(table())._repr_html_()
    widths = {
        colour: float(width)
        for colour, width in re.findall(r"background:(#\w+);width:([\d.]+)em", page)
    }
    assert widths[labels.colour("sad")] == 2 * widths[labels.colour("happy")]
    assert page.count('scope="row"') == 2 and page.count('scope="col"') == 4
    assert "color:" not in page.replace("background", "")  # themes keep theirs


def test_speakers_that_are_unknown_are_said_to_be():
    for clips in (table(speaker=None), table(speaker=["x/a", None, "x/b"])):
        found = datasets.overview(clips)
        assert found.n_speakers is None
        assert "speakers unknown" in repr(found)
        assert "<NA>" not in found._repr_html_()


def test_what_was_left_out_is_counted():
    clips = datasets.select(datasets.load("demo"), "sad", max_clips=8)
    ClipsMetadata.update(clips, excluded=[{"clip": "a.wav", "reason": ATTACK}])
    found = datasets.overview(clips)
    for text in (repr(found), found._repr_html_()):
        assert "160 clips left out: emotion not asked for." in text
        assert "24 clips left out: beyond max_clips." in text
        assert "1 file not used, the first: a.wav" in text
        assert "Synthetic speech" in text
    assert ATTACK not in found._repr_html_()


@pytest.mark.parametrize(
    ("clips", "said"),
    [(table().iloc[:0], "empty"), (table().drop(columns="emotion"), "no column")],
)
def test_what_is_no_clips_table_is_refused(clips, said):
    with pytest.raises(ValueError, match=said):
        datasets.overview(clips)
