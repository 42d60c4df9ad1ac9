import os
import signal

import numpy as np
import pytest
import soundfile

from sertools.features._recordings import check_blame, found, timelines
from sertools.models.base import Classifier

RATE = 16_000


@pytest.fixture
def recordings(tmp_path, tone):
    """Write recordings: nine tones, one that is loud, one silent, one no audio."""
    for n in range(9):
        soundfile.write(tmp_path / f"{n}.wav", tone(n), RATE)
    soundfile.write(tmp_path / "loud.wav", np.r_[0.99, tone(1)], RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    (tmp_path / "text.wav").write_text("no audio")
    return tmp_path


def coin(act):
    """Make a system for worker processes that stumbles over what is loud."""

    class Coin(Classifier):
        name, title, license, reference = "coin", "Coin", "CC0-1.0", "none"
        run_in_workers = True

        @property
        def classes_(self):
            return np.array(["happy", "sad"])

        def _predict_proba(self, waveforms):
            if max(np.abs(waveform).max() for waveform in waveforms) > 0.95:
                act()
            peaks = np.array([np.abs(w).max() for w in waveforms], dtype=np.float64)
            return np.c_[peaks, 1 - peaks]

    return Coin()


def test_files_come_as_they_are_and_folders_by_what_is_audio(recordings):
    (recordings / "notes.txt").touch()
    (recordings / ".hidden.wav").touch()
    (recordings / "empty").mkdir()
    twice = str(recordings / "0.wav")
    paths, unusable = found([twice, "nowhere.xyz", str(recordings), twice])
    assert [path.name for path in paths[:2]] == ["0.wav", "nowhere.xyz"]
    assert len(paths) == 13 and len(set(paths)) == 13
    assert unusable == {}
    assert "without audio" in found([str(recordings / "empty")])[1].popitem()[1]


def test_workers_change_nothing_and_name_what_cannot_be_used(recordings):
    paths, _ = found([str(recordings)])
    here, there = (dict(timelines(coin(int), paths, jobs)) for jobs in (1, 2))
    assert here.keys() == there.keys() == set(paths)
    for path in paths:
        if isinstance(here[path], str):
            assert here[path] == there[path]
        else:
            assert here[path].equals(there[path])
    reasons = {path.stem: said for path, said in there.items() if isinstance(said, str)}
    assert reasons.keys() == {"silent", "text"}
    assert reasons["silent"] == "silent: no speech is heard"


def test_a_recording_that_kills_its_process_is_left_out_alone(recordings):
    model = coin(lambda: os.kill(os.getpid(), signal.SIGKILL))
    answers = dict(timelines(model, found([str(recordings)])[0], 2))
    died = [path.stem for path, said in answers.items() if "died" in str(said)]
    assert died == ["loud"]
    assert len(answers) == 12


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("spoilt", [np.nan, np.inf, 0.5, -0.5])
def test_scores_that_are_no_probabilities_are_no_answer(recordings, jobs, spoilt):
    model, right = coin(int), coin(int)._predict_proba

    def _predict_proba(self, waveforms):
        return right(waveforms) * np.array([1, spoilt])

    type(model)._predict_proba = _predict_proba
    answers = dict(timelines(model, found([str(recordings)])[0], jobs))
    said = {path.stem: why for path, why in answers.items()}
    assert all(isinstance(why, str) for why in said.values())
    assert "coin" in said["3"] and "no probabilities" in said["3"]
    alone = {path: why for path, why in answers.items() if path.stem.isdigit()}
    with pytest.raises(ValueError, match=r"No recording is to blame.*coin"):
        check_blame(alone, len(alone))


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("error", [MemoryError, IndexError, ValueError])
def test_one_recording_never_ends_the_others(recordings, jobs, error):
    def act():
        raise error("too much")

    answers = dict(timelines(coin(act), found([str(recordings)])[0], jobs))
    reasons = {
        path.stem: said for path, said in answers.items() if type(said) is not str
    }
    assert sum(not isinstance(said, str) for said in answers.values()) == 9
    assert "coin failed on it" in reasons["loud"]


def test_recordings_longer_than_is_allowed_are_named(recordings):
    paths = [recordings / "0.wav", recordings / "1.wav"]
    (long, _) = dict(timelines(coin(int), paths, 1, max_minutes=0.001)).values()
    assert "minutes" in long
