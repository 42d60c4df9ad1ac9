"""Features from two workers of a Dask cluster, each a process with one thread."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sertools import features, models
from sertools.features import _cluster
from sertools.metadata import FeaturesMetadata
from sertools.models.base import Embedder

RATE = 16_000


def fragile(act):
    """Make a system that stumbles over a loud clip."""

    class Fragile(Embedder):
        name, title, license, reference = "fragile", "Fragile", "CC0-1.0", "none"

        def _feature_names(self):
            return ["samples", "process"]

        def _embed(self, waveforms):
            if max(np.abs(waveform).max() for waveform in waveforms) > 0.95:
                act()
            return [[len(waveform), os.getpid()] for waveform in waveforms]

    return Fragile()


def reasons(X) -> dict[str, str]:
    return {row["clip"]: row["reason"] for row in X.attrs["excluded"]}


def test_a_cluster_gives_the_same_features(cluster, corpus, store):
    clips, model = corpus(20), models.load("mfcc")
    here = features.extract(model, clips, store=False, jobs=2)
    there = features.extract(model, clips, store=store, scheduler=cluster)
    assert there.equals(here)
    for X in (here, there):
        assert FeaturesMetadata.of(X).seconds_per_clip > 0
        FeaturesMetadata.update(X, seconds_per_clip=None)
    assert there.attrs == here.attrs
    kept = features.extract(model, clips, store=store, scheduler="tcp://127.0.0.1:9")
    assert kept.equals(here)  # from the store: nobody is asked


def test_the_work_is_done_by_the_processes_of_all_workers(cluster, corpus):
    X = features.extract(fragile(None), corpus(40), store=False, scheduler=cluster)
    assert len(set(X["process"])) == 2
    assert os.getpid() not in X["process"].astype(int).tolist()


def test_a_clip_that_kills_its_process_is_left_out_alone(cluster, corpus, tone):
    clips = corpus(7, loud=np.r_[0.99, tone(1)])
    model = fragile(lambda: os.kill(os.getpid(), signal.SIGKILL))
    X = features.extract(model, clips, store=False, scheduler=cluster)
    assert X.index.tolist() == [f"x/{i:02}" for i in range(7)]
    assert "died" in reasons(X)["x/loud"]


def test_a_missing_package_is_no_clips_fault(cluster, corpus):
    def act():
        raise ModuleNotFoundError("x is not installed. Install it with: pip install x")

    clips = corpus(1, loud=0.99 * np.ones(RATE))
    with pytest.raises(ModuleNotFoundError, match="pip install x"):
        features.extract(fragile(act), clips, store=False, scheduler=cluster)


def test_a_fused_system_is_extracted_there_part_by_part(cluster, corpus):
    model, clips = models.load("mfcc+duration_loudness"), corpus(4)
    there = features.extract(model, clips, store=False, scheduler=cluster)
    assert there.equals(features.extract(model, clips, store=False, jobs=2))


STOPPED = """
import sys, time
import pandas as pd
from sertools import features
from sertools.models.base import Embedder

class Slow(Embedder):
    name, title, license, reference = "slow", "Slow", "CC0-1.0", "none"
    def _feature_names(self):
        return ["x"]
    def _embed(self, waveforms):
        time.sleep(2)
        return [[1.0] for _ in waveforms]

clips = pd.DataFrame({"path": sys.argv[2:], "emotion": "sad"})
print("begun", flush=True)
features.extract(Slow(), clips, store=False, scheduler=sys.argv[1])
"""


def test_ctrl_c_gives_up_what_has_not_begun(cluster, corpus):
    command = [sys.executable, "-c", STOPPED, cluster, *corpus(60)["path"]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in process.communicate(timeout=20)[1]
    with _cluster.connected(cluster) as client:
        deadline = time.monotonic() + 10
        while any(client.processing().values()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(client.processing().values())


def test_a_worker_that_does_not_see_the_clips_is_refused(cluster, tmp_path):
    with _cluster.connected(cluster) as client:
        _cluster.check(client, tmp_path, "move it.")
        with pytest.raises(ValueError, match=r"does not see .*: move it\."):
            _cluster.check(client, tmp_path / "a.wav", "move it.")


def test_a_worker_with_another_version_is_refused(cluster, corpus, monkeypatch):
    monkeypatch.setattr(_cluster.sertools, "__version__", "0.0.0")
    with pytest.raises(ValueError, match=r"has sertools .*, not 0\.0\.0"):
        features.extract(fragile(None), corpus(1), store=False, scheduler=cluster)


def test_a_scheduler_that_is_not_there_is_told(corpus, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(_cluster, "_ANSWER", 0.5)
    there = {"scheduler": "tcp://127.0.0.1:9"}
    with pytest.raises(ConnectionError, match="tcp://127.0.0.1:9"):
        features.extract(fragile(None), corpus(1), store=False, **there)
