import numpy as np
import pandas as pd
import pytest

from sertools import audio, inspection, models
from sertools.inspection._occlusion import mel_edges

RATE = 16_000


NOISE = (0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32)


class Toy:
    """Listen to one moment, or to one band, and to nothing else."""

    sampling_rate = RATE
    classes_ = np.array(["angry", "sad"])

    def __init__(self, moment=None, band=None):
        self.moment, self.band, self.calls = moment, band, []

    def predict_proba(self, waveforms):
        self.calls.append(len(waveforms))
        power = np.array([self.power(w) for w in waveforms])
        angry = power / (power + 1e-3)
        return np.column_stack([angry, 1 - angry])

    def power(self, waveform):
        if self.moment:
            first, last = (round(t * RATE) for t in self.moment)
            return np.square(waveform[first:last]).mean()
        power = np.abs(np.fft.rfft(waveform)) ** 2 / len(waveform) ** 2
        hertz = np.fft.rfftfreq(len(waveform), 1 / RATE)
        return 10 * power[(hertz > self.band[0]) & (hertz < self.band[1])].sum()


def test_the_moment_that_a_model_listens_to_is_found():
    found = inspection.occlusion(Toy(moment=(1.2, 1.3)), NOISE)
    times = found.seconds
    touching = (times["start"] < 1.3) & (times["end"] > 1.2)
    assert times.loc[~touching, "drop"].abs().max() < 0.01
    covering = (times["start"] <= 1.2) & (times["end"] >= 1.3)
    assert times.loc[covering, "drop"].min() > 0.5
    assert found.emotion == "angry"
    assert found.probability > 0.8


def test_the_band_that_a_model_listens_to_is_found():
    found = inspection.occlusion(Toy(band=(1000, 1200)), NOISE)
    bands = found.bands
    touching = (bands["low"] < 1250) & (bands["high"] > 950)
    assert bands.loc[~touching, "drop"].abs().max() < 0.01
    assert bands.loc[bands["drop"].idxmax(), "low"] <= 1200
    assert bands["drop"].max() > 0.3
    assert bands["low"].iloc[0] == 0
    assert bands["high"].iloc[-1] == RATE / 2


def test_another_emotion_can_be_followed():
    toy = Toy(moment=(1.2, 1.3))
    sad = inspection.occlusion(toy, NOISE, emotion="sad")
    angry = inspection.occlusion(toy, NOISE)
    assert sad.seconds["drop"].to_numpy() == pytest.approx(-angry.seconds["drop"])
    assert sad.probability == pytest.approx(1 - angry.probability)
    with pytest.raises(ValueError, match="'happy' is no class here. Known: angry, sad"):
        inspection.occlusion(toy, NOISE, emotion="happy")


def test_it_asks_in_batches_and_the_same_each_time():
    toy = Toy(moment=(0.2, 0.4))
    one = inspection.occlusion(toy, NOISE, hop=0.05)
    assert len(toy.calls) == 2
    assert max(toy.calls) <= 32
    two = inspection.occlusion(toy, NOISE, hop=0.05)
    pd.testing.assert_frame_equal(one.seconds, two.seconds)


def test_an_embedder_takes_a_fitted_head(make_head):
    model, head = make_head
    found = inspection.occlusion(model, NOISE, head=head, bands=3)
    X = pd.DataFrame(model.embed([NOISE]), columns=model.get_feature_names_out())
    assert found.probability == pytest.approx(head.predict_proba(X).max())
    assert found.model == "duration_loudness"
    with pytest.raises(ValueError, match="gives features, not emotions"):
        inspection.occlusion(model, NOISE)


@pytest.fixture
def make_head():
    model = models.load("duration_loudness")
    rng = np.random.default_rng(0)
    waveforms = [rng.normal(0, level, RATE) for level in [0.01, 0.1] * 10]
    X = pd.DataFrame(model.embed(waveforms), columns=model.get_feature_names_out())
    return model, models.heads.make("logistic").fit(X, ["sad", "angry"] * 10)


def test_a_short_clip_is_one_stretch(make_head):
    model, head = make_head
    found = inspection.occlusion(model, NOISE[:2000], head=head)
    assert len(found.seconds) == 1
    assert found.seconds["end"].iloc[0] == 2000 / RATE


def test_it_shows_itself_and_says_where_weights_are_random():
    found = inspection.occlusion(Toy(moment=(0, 1)), NOISE, bands=2)
    assert "the largest drop of 2 bands" in repr(found)
    assert "<li>without 0.30 to 0.60 s" in found._repr_html_()
    random = models.load("trained", weights="tiny")
    tiny = inspection.occlusion(random, NOISE[:8000], bands=2)
    assert any("Random weights" in note for note in tiny.notes)


def test_bands_are_equally_wide_in_mel():
    import librosa

    edges = librosa.hz_to_mel(mel_edges(5, RATE))
    assert np.diff(edges) == pytest.approx(np.diff(edges)[0])
    with pytest.raises(ValueError, match="bands must be at least 2"):
        inspection.occlusion(Toy(moment=(0, 1)), NOISE, bands=1)


def test_the_waveform_itself_is_left_alone():
    before = NOISE.copy()
    found = inspection.occlusion(Toy(moment=(0, 1)), NOISE)
    assert np.array_equal(NOISE, before)
    assert np.array_equal(found.waveform, audio.load(NOISE))
