from collections import Counter

import numpy as np
import pytest

from sertools.evaluation.enrolling.batches import batch, known

SPOKEN = np.array(["angry"] * 12 + ["happy"] * 3 + ["neutral"] * 8 + ["sad"] * 5)


def counted(mix, count, key="", spoken=SPOKEN):
    drawn = batch(spoken, mix, count, key)
    assert len(set(drawn)) == len(drawn)
    return Counter(spoken[drawn])


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_a_share_is_kept(count):
    found = counted("angry:80", count)
    assert sum(found.values()) == count
    assert found["angry"] == round(0.8 * count)
    assert counted("neutral:100", min(count, 7)) == {"neutral": min(count, 7)}


def test_a_balanced_batch_is_as_even_as_the_clips_allow():
    assert counted("balanced", 8) == {"angry": 2, "happy": 2, "neutral": 2, "sad": 2}
    found = counted("balanced", 16)
    assert found["happy"] == 2
    assert found["sad"] == 4
    assert found["angry"] == found["neutral"] == 5


@pytest.mark.parametrize("mix", ["balanced", "random", "angry:80", "sad:80"])
def test_no_emotion_gives_its_last_clip(mix):
    found = counted(mix, 1000)
    assert all(found[name] < n for name, n in Counter(SPOKEN).items())


def test_where_an_emotion_runs_out_the_batch_shrinks_with_its_share():
    assert counted("sad:80", 20)["sad"] == 4
    assert sum(counted("sad:80", 20).values()) == 5


def test_draws_differ_by_key_and_by_nothing_else():
    first = batch(SPOKEN, "random", 5, "0|a|0")
    assert (first == batch(SPOKEN, "random", 5, "0|a|0")).all()
    others = {tuple(batch(SPOKEN, "random", 5, f"0|a|{i}")) for i in range(20)}
    assert len(others) > 15


def test_a_random_batch_follows_how_often_emotions_are_said():
    total = sum((counted("random", 5, str(i)) for i in range(400)), Counter())
    assert total["angry"] / 2000 == pytest.approx(11 / 24, abs=0.05)


@pytest.mark.parametrize(
    ("mix", "line"),
    [
        ("even", "Unknown mix 'even'. Known: balanced, random, or an emotion and"),
        ("angry:0", "its share in percent"),
        ("angry:half", "its share in percent"),
        ("fear:80", "No clip is fear, as mix 'fear:80' asks; there are angry, happy"),
        ("angr:80", "angr"),
    ],
)
def test_unknown_mixes_are_refused(mix, line):
    with pytest.raises(ValueError) as refused:
        known([mix], set(SPOKEN))
    assert line in str(refused.value)
