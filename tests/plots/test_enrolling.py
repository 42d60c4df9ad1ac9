import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sertools import plots
from sertools.evaluation import Enrolment

COUNTS = [0, 1, 5, "all"]


def made(ways=("speaker", "speaker_shrunk"), low=0.5, notes=()):
    rows = [
        {
            "standardize": way,
            "mix": mix,
            "count": count,
            "uar": np.nan if (way, count) == ("speaker", 1) else 0.6,
            **{"low": 0.5, "high": 0.7, "draw_low": 0.55, "draw_high": 0.65},
            "uar_all": 0.66,
            "drawn": 3.0 if mix == "angry:80" and count == 5 else count,
        }
        for way in ways
        for mix in ("random", "angry:80", "neutral:100")
        for count in COUNTS
    ]
    info = {"dataset": "mine", "model": "m", "head": "svm", "draws": 3}
    nothing = {"value": 0.58, "low": low, "high": low and 0.66}
    return Enrolment(pd.DataFrame(rows), nothing, 0.25, info, 80, 8, list(notes))


def test_every_mix_has_a_line_and_both_references_are_named():
    ax = plots.enrolment(made())
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    lines = ["not standardised 0.58", "chance 0.25", "random", "80 % angry"]
    assert named == [*lines, "neutral only", "every other clip", "every clip"]
    assert [label.get_text() for label in ax.get_xticklabels()] == [*"015", "all"]
    assert ax.get_title("left") == "Standardised by speaker"


def test_what_is_refused_is_said_where_it_would_stand():
    def told(way):
        texts = plots.enrolment(made(), way).texts
        return [
            text.get_position()[0] for text in texts if text.get_text() == "refused"
        ]

    assert told("speaker") == [1]
    assert told("speaker_shrunk") == []


def test_the_values_for_all_clips_do_not_cover_each_other(laid_out):
    ax = plots.enrolment(made())
    values = [text for text in ax.texts if text.get_text() in ("0.60", "0.66")]
    lower, upper = laid_out(ax, values)
    assert not lower.overlaps(upper)


def test_a_way_that_was_not_tried_is_refused():
    with pytest.raises(ValueError, match="No 'corpus' in these curves: speaker, "):
        plots.enrolment(made(), "corpus")


def test_synthetic_speech_is_said_and_no_interval_is_made_up():
    ax = plots.enrolment(made(low=None, notes=["Synthetic speech: it works."]))
    assert any("! Synthetic speech" in text.get_text() for text in ax.texts)
    plt.close("all")


def test_a_point_is_hollow_where_fewer_clips_were_there():
    ax = plots.enrolment(made())
    lines = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    places = [x for line in lines for x in line.get_xdata()]
    assert [round(place) for place in places] == [2]
