"""Copies of a recording are found, and nothing else is called one."""

import numpy as np
import pytest
import soundfile

from sertools import datasets
from sertools.evaluation import leakage
from sertools.evaluation._audio_fingerprint import copies, fingerprint, similarity


@pytest.fixture(scope="module")
def demo():
    return datasets.select(datasets.load("demo"), max_clips=48)


def test_two_takes_are_no_copies(demo):
    assert copies(demo["path"].tolist(), progress=False) == []


@pytest.mark.parametrize("how", ["mp3", "telephone", "noise", "cut", "softer", "later"])
def test_a_copy_is_found_whatever_was_done_to_it(how, demo, tmp_path):
    import soxr

    samples, rate = soundfile.read(demo["path"].iloc[7])
    rng = np.random.default_rng(0)
    path, options = tmp_path / "copy.wav", {}
    if how == "mp3":
        path = tmp_path / "copy.mp3"
    elif how == "telephone":
        samples, rate = soxr.resample(samples, rate, 8000), 8000
        options = {"subtype": "ULAW"}
    elif how == "noise":
        samples = samples + rng.normal(0, samples.std() / 10, len(samples))
    elif how == "cut":
        samples = samples[rate // 10 : -rate // 10]
    elif how == "softer":
        samples = 0.05 * samples
    else:
        samples = np.r_[np.zeros(rate // 2), samples]
    soundfile.write(path, samples, rate, **options)
    paths = [*demo["path"], str(path)]
    assert [pair[:2] for pair in copies(paths, progress=False)] == [(7, 48)]


def test_silence_is_like_nothing():
    silence, noise = np.zeros(4000), np.random.default_rng(0).normal(size=4000)
    assert not fingerprint(silence).any()
    assert similarity(silence, noise) == similarity(silence, silence) == 0


def test_one_file_or_none_has_no_copies(demo):
    assert copies([], progress=False) == []
    assert copies(demo["path"].tolist()[:1], progress=False) == []


def test_real_takes_are_no_copies_and_real_copies_are(real_data, tmp_path):
    clips = datasets.load("ravdess", root=real_data / "ravdess")
    clips = clips[clips["speaker"] == "ravdess/01"].head(40)
    paths = clips["path"].tolist()
    samples, rate = soundfile.read(paths[3])
    soundfile.write(tmp_path / "copy.mp3", samples, rate, format="MP3")
    found = copies([*paths, str(tmp_path / "copy.mp3")], progress=False)
    assert [pair[:2] for pair in found] == [(3, 40)]


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["emodb", "ravdess"])
def test_no_two_takes_of_a_corpus_are_called_copies(corpus, real_data):
    clips = datasets.load(corpus, root=real_data / corpus)
    found = leakage(clips, "random", progress=False)
    assert found.counts()["recording"] == 0
    assert found.counts()["published"] == 0
