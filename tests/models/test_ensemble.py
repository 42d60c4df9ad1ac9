import pickle

import numpy as np
import pytest
import soundfile
from sklearn.base import clone

from sertools import evaluation, features, models
from sertools.models.base import Classifier
from sertools.models.ensemble import Ballot, ballots_table, known_to, vote


class Says(Classifier):
    """Say the same of every clip, but for how high it sounds."""

    name = "says"
    title = "Always the same"
    license = "Apache-2.0"
    reference = ""

    def __init__(self, told=None, rate=16_000, pitch=False, corpora=()):
        super().__init__()
        self.told, self.rate, self.pitch, self.corpora = told, rate, pitch, corpora

    sampling_rate = property(lambda self: self.rate)
    training_corpora = property(lambda self: self.corpora)

    @property
    def classes_(self):
        return np.array(sorted(self.told))

    def _predict_proba(self, waveforms):
        row = np.array([self.told[name] for name in self.classes_], dtype=float)
        rows = np.tile(row / row.sum(), (len(waveforms), 1))
        if self.pitch:  # as a share of what this rate can hold
            tops = [np.abs(np.fft.rfft(w)).argmax() / len(w) * 2 for w in waveforms]
            rows[:, 0], rows[:, 1] = tops, 1 - np.array(tops)
        return rows


WIDE = Says({"happy": 0.2, "sad": 0.2, "surprise": 0.6})
NARROW = Says({"angry": 0.1, "happy": 0.5, "sad": 0.4})


def test_the_vote_is_the_mean_over_those_that_know_an_emotion(voices):
    both = models.Ensemble([WIDE, NARROW])
    assert both.classes_.tolist() == ["angry", "happy", "sad", "surprise"]
    means = np.array([0.1, 0.35, 0.3, 0.6])  # surprise is not halved
    expected = np.tile(means / means.sum(), (len(voices), 1))
    assert np.allclose(both.predict_proba(voices), expected)
    assert both.predict(voices[:1]).tolist() == ["surprise"]


def test_weights_say_how_much_a_word_counts(voices):
    both = models.Ensemble([WIDE, NARROW], weights=[3, 1])
    means = np.array([0.1, (0.6 + 0.5) / 4, (0.6 + 0.4) / 4, 0.6])
    assert np.allclose(both.predict_proba(voices[:1])[0], means / means.sum())
    same = models.Ensemble([WIDE, NARROW], weights=np.array([0.3, 0.1]))
    assert np.allclose(same.predict_proba(voices), both.predict_proba(voices))


def test_one_member_alone_is_left_as_it_is_and_order_does_not_matter(voices):
    alone = models.Ensemble([NARROW])
    assert np.allclose(alone.predict_proba(voices), NARROW.predict_proba(voices))
    there = models.Ensemble([WIDE, NARROW]).predict_proba(voices)
    back = models.Ensemble([NARROW, WIDE]).predict_proba(voices)
    assert np.allclose(there, back)


def test_columns_go_by_name_in_whatever_order_a_ballot_has_them():
    straight = Ballot("a", np.array(["happy", "sad"]), np.array([[0.9, 0.1]]))
    turned = Ballot("b", np.array(["sad", "happy"]), np.array([[0.1, 0.9]]))
    assert known_to([straight.classes, turned.classes]).tolist() == ["happy", "sad"]
    assert np.allclose(vote([straight, turned]), [[0.9, 0.1]])
    assert ballots_table([straight, turned])["predicted"].tolist() == ["happy"] * 2


def test_members_are_shown_side_by_side_with_gaps_where_they_know_nothing(voices):
    table = models.Ensemble([WIDE, NARROW]).members(voices[:2])
    assert table["waveform"].tolist() == [0, 0, 1, 1]
    assert table["member"].tolist() == ["says #1", "says #2"] * 2
    assert table["predicted"].tolist() == ["surprise", "happy"] * 2
    assert list(table.columns[3:]) == ["angry", "happy", "sad", "surprise"]
    assert table["angry"].isna().tolist() == [True, False] * 2
    assert table["happy"].tolist() == pytest.approx([0.2, 0.5] * 2)


def test_each_member_hears_at_its_own_rate(tmp_path):
    told = {"happy": 1, "sad": 1}
    slow, quick = Says(told, 8_000, pitch=True), Says(told, 32_000, pitch=True)
    both = models.Ensemble([slow, quick])
    assert both.sampling_rate == 32_000
    tone = 0.5 * np.sin(2 * np.pi * 2_000 * np.arange(32_000) / 32_000)
    soundfile.write(tmp_path / "tone.wav", tone, 32_000)
    for heard in ([tone.astype(np.float32)], [tmp_path / "tone.wav"]):
        happy = both.members(heard)["happy"]
        assert happy.tolist() == pytest.approx(
            [2_000 / 4_000, 2_000 / 16_000], abs=0.01
        )


def test_it_is_an_estimator(voices):
    both = models.Ensemble([WIDE, NARROW], weights=[2, 1])
    expected = both.predict_proba(voices)
    again = clone(both)
    assert again.get_params()["weights"] == [2, 1]
    assert again.parts[0] is not WIDE
    assert np.allclose(again.predict_proba(voices), expected)
    assert np.allclose(pickle.loads(pickle.dumps(both)).predict_proba(voices), expected)
    assert both.predict_proba([]).shape == (0, 4)
    both.set_params(parts=[NARROW, WIDE], weights=None)
    assert both.predict_proba(voices).argmax() == 3


def test_it_tells_what_its_members_are():
    one, two = Says({"sad": 1}, corpora=("tess",)), Says({"sad": 2}, corpora=("a", "b"))
    both = models.Ensemble([one, two])
    assert both.training_corpora == ("a", "b", "tess")
    assert both.card()["members"] == ["says #1", "says #2"]
    assert both.card()["emotions"] == ["sad"]
    nobody = models.Ensemble([one, Says({"sad": 1}, corpora=None)])
    assert nobody.training_corpora is None
    heavier = models.Ensemble([one, two], weights=[2, 1])
    assert heavier.signature() != both.signature()


def test_members_given_by_name_are_loaded_and_scores_are_stored(corpus_of_voices):
    both = models.Ensemble(["trained", Says({"fear": 1, "sad": 3})])
    assert both.spec == "trained:emodb_egemaps+says"
    scores = features.score(both, corpus_of_voices, store=False, jobs=1, progress=False)
    assert list(scores.columns) == ["angry", "fear", "happy", "neutral", "other", "sad"]
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)
    clips = corpus_of_voices.assign(emotion=["sad", "angry"] * 4, speaker="x/1")
    result = evaluation.predict(both, clips, store=False, jobs=1, progress=False)
    assert len(result.predictions) == len(clips)


@pytest.mark.parametrize(
    ("parts", "weights", "reason"),
    [
        ([], None, "at least one classifier"),
        ("trained", None, "a list of at least one"),
        ([WIDE, WIDE], None, r"says is there twice"),
        (["trained", "trained:emodb_egemaps"], None, "trained:emodb_egemaps is there"),
        (["mfcc"], None, "mfcc is no classifier"),
        ([WIDE, 3], None, "3 is no classifier"),
        (["tarined"], None, "Unknown model 'tarined'. Did you mean trained"),
        ([WIDE, NARROW], [1], "one positive number for each of the 2 members"),
        ([WIDE, NARROW], [1, 0], "one positive number"),
        ([WIDE, NARROW], [1, np.nan], "one positive number"),
        ([WIDE, NARROW], [1, "much"], "one positive number"),
        ([WIDE, NARROW], 2, "one positive number"),
    ],
)
def test_what_cannot_vote_is_refused_in_a_line(parts, weights, reason):
    with pytest.raises(ValueError, match=reason) as refusal:
        models.Ensemble(parts, weights)
    assert "\n" not in str(refusal.value)


def test_a_single_waveform_is_refused(voices):
    with pytest.raises(ValueError, match=r"a single one as \[waveform\]"):
        models.Ensemble([WIDE]).predict_proba(voices[0])
