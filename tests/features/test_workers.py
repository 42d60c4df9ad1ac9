import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import soundfile

from sertools import audio, features, models
from sertools.features import _workers
from sertools.metadata import FeaturesMetadata
from sertools.models.base import Classifier, Embedder

RATE = 16_000


class Coin(Classifier):
    """Score two emotions by a waveform's peak, a batch at a time."""

    name, title, license, reference = "coin", "Coin", "CC0-1.0", "none"
    batches = ()

    @property
    def classes_(self):
        return np.array(["happy", "sad"])

    def _predict_proba(self, waveforms):
        type(self).batches += (len(waveforms),)
        peaks = np.array([np.abs(w).max() for w in waveforms], dtype=np.float64)
        return np.c_[peaks, 1 - peaks]


def fragile(act):
    """Make a system that runs in worker processes and stumbles over a loud clip.

    The class is made here, so that it travels to the workers whole, not by the
    name of this module, which they could not import.
    """

    class Fragile(Embedder):
        name, title, license, reference = "fragile", "Fragile", "CC0-1.0", "none"
        run_in_workers = True

        def _feature_names(self):
            return ["samples", "process"]

        def _embed(self, waveforms):
            for waveform in waveforms:
                if np.abs(waveform).max() > 0.95:
                    act()
            return [[len(waveform), os.getpid()] for waveform in waveforms]

    return Fragile()


def reasons(X) -> dict[str, str]:
    return {row["clip"]: row["reason"] for row in FeaturesMetadata.of(X).excluded}


def test_worker_processes_change_nothing(corpus):
    clips, model = corpus(40), models.load("opensmile")
    alone = features.extract(model, clips, store=False, jobs=1)
    shared = features.extract(model, clips, store=False, jobs=2)
    assert alone.equals(shared)
    for X in (alone, shared):
        assert FeaturesMetadata.of(X).seconds_per_clip > 0
        FeaturesMetadata.update(X, seconds_per_clip=None)
    assert alone.attrs == shared.attrs


def test_a_worker_that_was_started_elsewhere_reads_the_right_file(
    tmp_path, monkeypatch, tone
):
    table = []
    for number, place in enumerate(("here", "there")):
        (tmp_path / place).mkdir()
        soundfile.write(tmp_path / place / "a.wav", tone(number, 0.2 + number), RATE)
        monkeypatch.chdir(tmp_path / place)
        clips = pd.DataFrame({"path": ["a.wav"], "emotion": ["sad"]}, index=["x/a"])
        X = features.extract(fragile(None), clips, store=False, jobs=2)
        table.append(X.loc["x/a", "samples"])
    assert table == [3200, 19200]


def test_isolated_work_never_runs_in_this_process_even_on_one_core(corpus, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    X = features.extract(fragile(None), corpus(2), store=False)
    assert os.getpid() not in X["process"].astype(int).tolist()


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_features_that_are_no_numbers_leave_out_their_clip_alone(wrong, corpus, shape):
    class Doubtful(type(shape)):
        def _embed(self, waveforms):
            table = np.array(super()._embed(waveforms))
            table[table[:, 0] == 3360] = wrong
            return table

    X = features.extract(Doubtful(), corpus(4), store=False)
    assert X.index.tolist() == ["x/00", "x/02", "x/03"]
    assert "not finite" in reasons(X)["x/01"]


def test_a_clip_that_a_system_fails_on_is_left_out_alone_in_one_line(corpus):
    def act():
        raise RuntimeError("first line\nsecond line.")

    clips = corpus(3, loud=0.99 * np.ones(RATE))
    X = features.extract(fragile(act), clips, store=False, jobs=1)
    assert X.index.tolist() == ["x/00", "x/01", "x/02"]
    assert reasons(X) == {"x/loud": "fragile failed on it (first line second line)"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_missing_package_is_no_clips_fault(jobs, corpus):
    def act():
        raise ModuleNotFoundError("x is not installed. Install it with: pip install x")

    clips = corpus(1, loud=0.99 * np.ones(RATE))
    with pytest.raises(ModuleNotFoundError, match="pip install x"):
        features.extract(fragile(act), clips, store=False, jobs=jobs)


def test_a_clip_that_kills_its_process_is_left_out_alone(
    corpus, store, monkeypatch, tone
):
    monkeypatch.setattr(_workers, "_CHUNK", 4)  # so that eight clips are two chunks
    clips = corpus(7, loud=np.r_[0.99, tone(1)]).sample(frac=1, random_state=0)
    X = features.extract(fragile(lambda: os._exit(1)), clips, store=store, jobs=2)
    assert X.index.tolist() == [clip for clip in clips.index if clip != "x/loud"]
    lengths = [len(audio.load(clips.at[clip, "path"])) for clip in X.index]
    assert X["samples"].tolist() == lengths
    assert "died" in reasons(X)["x/loud"]
    digests = [hashlib.sha256(Path(p).read_bytes()).digest() for p in clips["path"]]
    assert len(store.get(fragile(None).signature(), digests)) == 7


_LEAN = """
import pickle, sys
from sertools.features import _workers
from sertools.models._functionals import Functionals

engine = pickle.dumps(Functionals("eGeMAPSv02", 16000))
question = _workers.Request("embed", 16000, "x")
answer = _workers._answer(engine, question, {b"": sys.argv[1]})
heavy = {"pandas", "sklearn", "scipy", "joblib", "opensmile"}
print(len(answer.done[b""].vector), *heavy & {*sys.modules})
"""


def test_a_worker_loads_no_more_than_openSMILE_takes(corpus):
    command = [sys.executable, "-c", _LEAN, corpus(1)["path"].iloc[0]]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.stdout.split() == ["88"], run.stderr


_UNGUARDED = """
import sys
import pandas as pd
from sertools import features, models

print("begun")
clips = pd.DataFrame({"path": sys.argv[1:], "emotion": "sad"}, index=["a", "b"])
print(*features.extract(models.load("opensmile"), clips, store=False, jobs=2).shape)
"""


def test_a_script_is_not_run_again_by_its_workers(corpus, tmp_path):
    (tmp_path / "script.py").write_text(_UNGUARDED)
    (tmp_path / "pickle.py").write_text("raise ImportError('not the one meant')")
    command = [sys.executable, "-P", tmp_path / "script.py", *corpus(2)["path"]]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.stdout.split() == ["begun", "2", "88"], run.stderr


def test_workers_stay_warm_and_what_they_print_is_no_answer(corpus):
    model = fragile(lambda: os.write(1, b"ouch"))
    clips = corpus(1, loud=0.99 * np.ones(RATE))
    first, again = (
        set(features.extract(model, clips, store=False, jobs=2)["process"])
        for _ in range(2)
    )
    assert first & again


def test_workers_end_at_once_when_nobody_listens_any_more(corpus):
    model, todo = fragile(lambda: time.sleep(60)), corpus(5, loud=0.99 * np.ones(RATE))
    paths = {str(i).encode(): path for i, path in enumerate(todo["path"])}
    listening = _workers.answers(model, "embed", paths, 2)
    (entry,) = next(listening).done.values()
    start = time.monotonic()
    listening.close()
    assert time.monotonic() - start < 5
    assert not psutil.pid_exists(int(entry.vector[1]))


@pytest.mark.parametrize("portable", [True, False])
def test_an_error_that_no_clip_is_to_blame_for_says_where_it_happened(portable, corpus):
    class Odd(FileNotFoundError):
        def __init__(self, one, two):
            super().__init__(f"no {one} {two}")

    def act():
        raise (
            FileNotFoundError("no such weights") if portable else Odd("such", "weights")
        )

    clips = corpus(1, loud=0.99 * np.ones(RATE))
    kind = FileNotFoundError if portable else RuntimeError
    with pytest.raises(kind, match="no such weights") as caught:
        features.extract(fragile(act), clips, store=False, jobs=2)
    assert "in _embed" in caught.value.__notes__[0]


@pytest.mark.parametrize("workers_", [1, 2, 16])
@pytest.mark.parametrize("n", [1, 3, 16, 17, 100, 339])
def test_the_work_is_cut_into_parts_that_leave_nothing_out(n, workers_):
    todo = {bytes([i % 256, i // 256]): str(i) for i in range(n)}
    parts = list(_workers.parts(todo, workers_))
    assert [item for part in parts for item in part.items()] == list(todo.items())
    sizes = [len(part) for part in parts]
    assert max(sizes) <= 16
    assert sizes == sorted(sizes, reverse=True)


def test_scores_come_in_batches_and_are_the_same_cold_and_warm(corpus, store):
    clips, Coin.batches = corpus(20), ()
    cold = features.score(Coin(), clips, store=store)
    warm = features.score(Coin(), clips, store=store)
    assert Coin.batches == (16, 4)
    assert cold.equals(warm)
    assert (cold.dtypes == np.float32).all()
    assert cold.columns.tolist() == ["happy", "sad"]
    assert cold.sum(axis=1).to_numpy() == pytest.approx(1)


ORPHAN = """
import os, sys, time
from sertools.features import _workers
worker = _workers.Worker()
worker._process = _workers._started()
print(worker._process.pid, flush=True)
time.sleep(60)
"""


def test_no_worker_outlives_its_parent():
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True
    )
    worker = psutil.Process(int(parent.stdout.readline()))
    time.sleep(1)
    parent.kill()
    parent.wait()
    worker.wait(timeout=10)
