import librosa
import numpy as np
import pytest

from sertools import models


def test_the_numbers_are_librosas_own(voices):
    embedding = models.load("mfcc").embed(voices)
    assert embedding.shape == (len(voices), 80)
    for row, waveform in zip(embedding, voices, strict=True):
        frames = librosa.feature.mfcc(y=waveform, sr=16_000, n_mfcc=40)
        assert row[:40] == pytest.approx(frames.mean(axis=1), rel=1e-6)
        assert row[40:] == pytest.approx(frames.std(axis=1), rel=1e-6)


def test_names_say_which_coefficient_and_which_statistic():
    names = list(models.load("mfcc").get_feature_names_out())
    assert names[0] == "mfcc0_mean"
    assert names[39:41] == ["mfcc39_mean", "mfcc0_std"]


def test_how_loud_it_is_moves_the_first_coefficient_only(voices):
    table = models.load("mfcc").set_output(transform="pandas")
    soft, loud = table.transform([voices[0], 2 * voices[0]]).to_numpy()
    moved = np.abs(loud - soft) > 0.01
    # 6.02 dB in each of 128 bands: the orthonormal DCT gives 6.02 * sqrt(128)
    assert loud[0] - soft[0] == pytest.approx(20 * np.log10(2) * 128**0.5, rel=1e-3)
    assert moved.tolist() == [True] + 79 * [False]
