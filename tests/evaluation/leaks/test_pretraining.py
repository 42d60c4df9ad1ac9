"""Had a model heard the test before: yes, no, unknown."""

import pytest

from sertools import datasets, models
from sertools.evaluation import heard_before
from sertools.evaluation.leaks.pretraining import overlap


@pytest.mark.parametrize(
    ("trained", "tested", "answer"),
    [
        (None, {"emodb"}, "unknown"),
        ((), {"emodb"}, "no"),
        ((), {"folder"}, "no"),
        (("emodb",), {"ravdess"}, "no"),
        (("emodb",), {"ravdess", "emodb"}, "yes"),
        (("emodb",), {"folder"}, "unknown"),
    ],
)
def test_the_answer_is_yes_no_or_unknown(trained, tested, answer):
    found = overlap("m", trained, tested)
    assert found.answer == answer
    assert str(found).startswith(f"Pretraining overlap: {answer}. ")
    assert found.corpora == (("emodb",) if answer == "yes" else ())


def test_systems_are_asked_by_name_or_as_they_are():
    clips = datasets.load("demo").assign(dataset="emodb")
    assert heard_before("trained:emodb_egemaps", clips).answer == "yes"
    assert heard_before(models.load("opensmile"), clips).answer == "no"
    assert heard_before("whisper", clips).answer == "unknown"
    assert heard_before("opensmile", clips, {"ravdess"}).answer == "no"
