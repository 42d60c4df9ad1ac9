import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools import audio, features, models
from sertools.models.base import Classifier, Embedder
from sertools.store import Store

RATE = 16_000


class Shape(Embedder):
    """Embed a waveform as its length, level and peak; count what was asked."""

    name, title, license, reference = "shape", "Shape", "CC0-1.0", "none"
    asked = 0

    def _feature_names(self):
        return ["samples", "level", "peak"]

    def _embed(self, waveforms):
        type(self).asked += len(waveforms)
        return [[len(w), np.square(w).mean(), np.abs(w).max()] for w in waveforms]


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


def tone(number, seconds=0.2):
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 + number / 100) * np.sin(2 * np.pi * (150 + 20 * number) * time)


@pytest.fixture
def corpus(tmp_path):
    """Write tones, and files by content, and give their clips table."""

    def make(n=6, **others):
        rows = [(f"x/{i:02}", tone(i, 0.2 + i / 100)) for i in range(n)]
        rows += [(f"x/{name}", content) for name, content in others.items()]
        table = []
        for number, (clip, content) in enumerate(rows):
            path = tmp_path / f"{clip.removeprefix('x/')}.wav"
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif content is not None:
                soundfile.write(path, content, RATE, subtype="PCM_16")
            emotion, speaker = ("happy", "sad")[number % 2], f"x/{number % 3}"
            table.append((clip, str(path), emotion, speaker, "x"))
        columns = ["clip", "path", "emotion", "speaker", "dataset"]
        return pd.DataFrame(table, columns=columns).set_index("clip")

    return make


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def shape():
    Shape.asked = 0
    return Shape()


def fragile(act):
    """Make a system that runs in worker processes and stumbles over a loud clip.

    The class is made here, so that it travels to the workers whole, not by the
    name of this module, which they could not import.
    """

    class Fragile(Embedder):
        name, title, license, reference = "fragile", "Fragile", "CC0-1.0", "none"
        isolated = True

        def _feature_names(self):
            return ["samples", "process"]

        def _embed(self, waveforms):
            for waveform in waveforms:
                if np.abs(waveform).max() > 0.95:
                    act()
            return [[len(waveform), os.getpid()] for waveform in waveforms]

    return Fragile()


def reasons(X) -> dict[str, str]:
    return {row["clip"]: row["reason"] for row in X.attrs["excluded"]}


# Order and content


def test_rows_are_what_embed_gives_one_by_one_in_the_clips_order(corpus, store, shape):
    clips = corpus(20).sample(frac=1, random_state=0)  # more than one chunk
    for _ in ("cold", "warm"):
        X = features.extract(shape, clips, store=store)
        assert X.index.tolist() == clips.index.tolist()
        assert X.index.name == "clip"
        assert X.columns.tolist() == ["samples", "level", "peak"]
        assert (X.dtypes == np.float32).all()
        for clip, path in clips["path"].items():
            assert X.loc[clip].tolist() == shape.embed([audio.load(path)])[0].tolist()
        assert X.attrs["model"] == "shape"
        assert X.attrs["excluded"] == X.attrs["silent"] == []


@pytest.mark.parametrize("spec", ["opensmile", "opensmile:ComParE_2016", "mfcc"])
def test_real_systems_give_what_embed_gives(spec, corpus):
    clips, model = corpus(3), models.load(spec)
    X = features.extract(model, clips, store=False, jobs=1)
    alone = [model.embed([audio.load(path)])[0] for path in clips["path"]]
    assert (X.to_numpy() == np.stack(alone)).all()
    assert X.columns.tolist() == list(model.get_feature_names_out())


def test_worker_processes_change_nothing(corpus):
    clips, model = corpus(40), models.load("opensmile")
    alone = features.extract(model, clips, store=False, jobs=1)
    shared = features.extract(model, clips, store=False, jobs=2)
    assert alone.equals(shared)
    assert alone.attrs == shared.attrs


def test_a_worker_that_was_started_elsewhere_reads_the_right_file(
    tmp_path, monkeypatch, corpus
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


def test_fused_systems_stand_side_by_side_under_their_names(corpus, store):
    clips = corpus(2, text=b"words, not sound" * 100, quiet=np.zeros(RATE))
    fused = models.load("opensmile+mfcc")
    X = features.extract(fused, clips, store=store, jobs=1)
    smile = features.extract(models.load("opensmile"), clips, store=store, jobs=1)
    mfcc = features.extract(models.load("mfcc"), clips, store=store, jobs=1)
    assert X.shape == (3, 88 + 80)
    assert X.columns.tolist() == [
        *(f"opensmile/{name}" for name in smile.columns),
        *(f"mfcc/{name}" for name in mfcc.columns),
    ]
    assert (X.to_numpy() == np.c_[smile, mfcc]).all()
    assert X.attrs["model"] == "opensmile+mfcc"
    assert list(reasons(X)) == ["x/text"]
    assert X.attrs["silent"] == ["x/quiet"]
    assert X.attrs["corpus_sha256"] == smile.attrs["corpus_sha256"]


# The store


def test_nothing_is_computed_twice(corpus, store, shape):
    clips = corpus(5)
    features.extract(shape, clips, store=store)
    assert shape.asked == 5
    features.extract(shape, clips.iloc[::-1], store=str(store.folder))
    assert shape.asked == 5


def test_without_a_store_nothing_is_kept(corpus, store, shape, monkeypatch):
    monkeypatch.setenv("SERTOOLS_STORE", str(store.folder))
    for _ in range(2):
        features.extract(shape, corpus(2), store=False)
    assert shape.asked == 4
    assert not store.folder.exists()


@pytest.mark.parametrize("default", [None, True])
def test_the_default_store(default, corpus, store, shape, monkeypatch):
    monkeypatch.setenv("SERTOOLS_STORE", str(store.folder))
    features.extract(shape, corpus(2), store=default)
    assert store.names(shape.signature()) == ["samples", "level", "peak"]


def test_the_same_bytes_under_another_name_are_known(corpus, store, shape, tmp_path):
    clips = corpus(2)
    first = features.extract(shape, clips, store=store)
    moved = Path(clips["path"].iloc[0]).rename(tmp_path / "한 번 <b>.flac")
    clips = clips.rename(index={"x/00": "x/renamed"})
    clips.loc["x/renamed", "path"] = str(moved)
    again = features.extract(shape, clips, store=store)
    assert shape.asked == 2
    assert (again.to_numpy() == first.to_numpy()).all()
    assert again.index[0] == "x/renamed"


def test_changed_bytes_under_the_same_name_are_not(corpus, store, shape):
    clips = corpus(2)
    features.extract(shape, clips, store=store)
    soundfile.write(clips["path"].iloc[0], tone(9, 0.5), RATE)
    X = features.extract(shape, clips, store=store)
    assert shape.asked == 3
    assert X["samples"].tolist() == [8000, 3360]


def test_clips_with_the_same_bytes_share_one_answer(corpus, store, shape):
    clips = corpus(1, twin=tone(0))
    X = features.extract(shape, clips, store=store)
    assert shape.asked == 1
    assert X.loc["x/00"].equals(X.loc["x/twin"].rename("x/00"))


def test_interrupted_work_resumes_at_the_chunk_it_had_reached(corpus, store, shape):
    clips = corpus(40)
    stop = 39 - 3  # in the third chunk of 16

    class Interrupted(Shape):
        def _embed(self, waveforms):
            if any(len(w) == RATE * 0.2 + 160 * stop for w in waveforms):
                raise KeyboardInterrupt
            return super()._embed(waveforms)

    with pytest.raises(KeyboardInterrupt):
        features.extract(Interrupted(), clips, store=store)
    X = features.extract(shape, clips, store=store)
    assert shape.asked == 40 - 32
    assert X.equals(features.extract(shape, clips, store=False))


# Clips that cannot be used


@pytest.fixture
def mixed(corpus):
    cut = soundfile_bytes(tone(3))[:-1000]
    nothing = {"empty": b"", "text": b"words, not sound" * 100, "gone": None}
    short = {"short": tone(1, 0.01), "cut": cut}
    clips = corpus(20, **nothing, **short)
    return clips.sample(frac=1, random_state=1)


def soundfile_bytes(samples) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def test_unusable_clips_among_good_ones_are_named_with_the_reason(mixed, store, shape):
    for _ in ("cold", "warm"):
        X = features.extract(shape, mixed, store=store)
        assert X.index.tolist() == [c for c in mixed.index if c[2:].isdigit()]
        assert reasons(X) == {
            "x/cut": "cut short, 1000 bytes fewer than its header says",
            "x/empty": "an empty file (0 bytes)",
            "x/gone": "no such file",
            "x/short": "10 ms of audio; at least 50 ms are needed",
            "x/text": "not audio that libsndfile can read (Format not recognised)",
        }


def test_a_folder_in_place_of_a_file_is_named(corpus, shape, tmp_path):
    clips = corpus(2)
    clips.loc["x/01", "path"] = str(tmp_path)
    X = features.extract(shape, clips, store=False)
    assert "directory" in reasons(X)["x/01"]


def test_strict_raises_naming_them(mixed, store, shape):
    for _ in ("cold", "warm"):
        with pytest.raises(ValueError, match="5 clips cannot be used") as refusal:
            features.extract(shape, mixed, store=store, strict=True)
        for name in ("x/cut: cut short", "x/empty: an empty", "x/gone: no such file"):
            assert name in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_strict_is_content_where_all_can_be_used(corpus, shape):
    assert len(features.extract(shape, corpus(2), store=False, strict=True)) == 2


def test_what_the_corpus_left_out_stays_named(corpus, shape):
    clips = corpus(2, gone=None)
    clips.attrs["excluded"] = [{"clip": "odd.wav", "reason": "a stranger"}]
    X = features.extract(shape, clips, store=False)
    assert reasons(X) == {"odd.wav": "a stranger", "x/gone": "no such file"}


def test_where_no_clip_can_be_used_the_first_reason_is_told(corpus, shape):
    clips = corpus(0, empty=b"", gone=None)
    clips.attrs["excluded"] = [{"clip": "odd.wav", "reason": "a stranger"}]
    with pytest.raises(
        ValueError, match=r"No clip can be used\. The first: x/gone: no"
    ):
        features.extract(shape, clips, store=False)
    with pytest.raises(ValueError, match=r"^No clip can be used\.$"):
        features.extract(shape, clips.iloc[:0], store=False)


def test_two_clips_of_one_name_are_refused_by_it(corpus, shape):
    clips = corpus(2)
    with pytest.raises(ValueError, match="x/00 is there twice"):
        features.extract(shape, pd.concat([clips, clips]), store=False)


def test_silent_clips_are_used_and_named_cold_and_warm(corpus, store, shape):
    clips = corpus(2, quiet=np.zeros(RATE), offset=np.full(RATE, 0.25))
    for _ in ("cold", "warm"):
        X = features.extract(shape, clips, store=store)
        assert len(X) == 4
        assert X.attrs["silent"] == ["x/quiet", "x/offset"]
    assert shape.asked == 4


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_features_that_are_no_numbers_leave_out_their_clip_alone(wrong, corpus, store):
    class Doubtful(Shape):
        def _embed(self, waveforms):
            table = np.array(super()._embed(waveforms))
            table[table[:, 0] == 3360] = wrong
            return table

    X = features.extract(Doubtful(), corpus(4), store=store)
    assert X.index.tolist() == ["x/00", "x/02", "x/03"]
    assert "not finite" in reasons(X)["x/01"]


def test_a_clip_that_a_system_fails_on_is_left_out_alone_in_one_line(corpus):
    def act():
        raise RuntimeError("first line\nsecond line.")

    clips = corpus(3, loud=0.99 * np.ones(RATE))
    X = features.extract(fragile(act), clips, store=False, jobs=1)
    assert X.index.tolist() == ["x/00", "x/01", "x/02"]
    assert reasons(X) == {"x/loud": "fragile failed on it (first line second line)"}


def test_a_clip_that_kills_its_process_is_left_out_alone(corpus, store, monkeypatch):
    monkeypatch.setattr("sertools.features.workers._CHUNK", 2)  # so that five clips are three chunks
    clips = corpus(4, loud=np.r_[0.99, tone(1)]).sample(frac=1, random_state=0)
    X = features.extract(fragile(lambda: os._exit(1)), clips, store=store, jobs=2)
    assert X.index.tolist() == [clip for clip in clips.index if clip != "x/loud"]
    lengths = [len(audio.load(clips.at[clip, "path"])) for clip in X.index]
    assert X["samples"].tolist() == lengths
    assert "died" in reasons(X)["x/loud"]
    digests = [hashlib.sha256(Path(p).read_bytes()).digest() for p in clips["path"]]
    assert len(store.get(fragile(None).signature(), digests)) == 4


# Systems that classify


def test_scores_come_in_batches_and_are_the_same_cold_and_warm(corpus, store):
    clips, Coin.batches = corpus(20), ()
    cold = features.score(Coin(), clips, store=store)
    warm = features.score(Coin(), clips, store=store)
    assert Coin.batches == (16, 4)
    assert cold.equals(warm)
    assert (cold.dtypes == np.float32).all()
    assert cold.columns.tolist() == ["happy", "sad"]
    assert cold.sum(axis=1).to_numpy() == pytest.approx(1)


def test_the_two_kinds_of_system_are_not_mistaken_for_each_other(corpus, shape):
    with pytest.raises(ValueError, match="coin gives no features"):
        features.extract(Coin(), corpus(1), store=False)
    with pytest.raises(ValueError, match="shape gives features, not emotions"):
        features.score(shape, corpus(1), store=False)


def test_a_system_that_was_set_to_another_variant_answers_as_that_one(corpus):
    clips, model = corpus(1), models.load("opensmile")
    assert features.extract(model, clips, store=False, jobs=1).shape == (1, 88)
    model.set_params(variant="ComParE_2016")
    assert features.extract(model, clips, store=False, jobs=1).shape == (1, 6373)


# Standardising


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    index = pd.Index([f"x/{i}" for i in range(30)], name="clip")
    speakers = [f"s{i % 3}" for i in range(30)]
    X = pd.DataFrame(rng.normal(5, 3, (30, 4)), index, list("abcd"), np.float32)
    X["a"] += np.arange(30) % 3 * np.float32(100)
    X["d"] = np.float32(0.1)
    X.attrs = {"model": "shape", "excluded": []}
    corpora = ["x"] * 15 + ["y"] * 15
    clips = pd.DataFrame({"speaker": speakers, "dataset": corpora}, index=index)
    return X, clips


def test_no_standardising_is_the_same_table(table):
    X, clips = table
    assert features.standardize(X, clips, "none") is X


@pytest.mark.parametrize(
    ("how", "group"), [("corpus", "dataset"), ("speaker", "speaker")]
)
def test_each_group_has_mean_0_and_deviation_1(how, group, table):
    X, clips = table
    before = X.copy()
    S = features.standardize(X, clips.sample(frac=1, random_state=0), how)
    assert X.equals(before)
    assert (S.dtypes == np.float32).all()
    assert S.index.equals(X.index)
    assert S.columns.equals(X.columns)
    assert S.attrs == X.attrs
    for _, rows in S.groupby(clips[group]):
        assert rows[["a", "b", "c"]].mean().to_numpy() == pytest.approx(0, abs=1e-5)
        deviation = rows[["a", "b", "c"]].std(ddof=0).to_numpy()
        assert deviation == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("how", ["corpus", "speaker"])
def test_a_feature_that_does_not_vary_becomes_0(how, table):
    X, clips = table
    X["c"] = np.float32(1e6)
    S = features.standardize(X, clips, how)
    assert (S[["c", "d"]] == 0).all(axis=None)


def test_a_speaker_of_one_clip_becomes_0(table):
    X, clips = table
    clips.iloc[0, 0] = "alone"
    S = features.standardize(X, clips, "speaker")
    assert (S.iloc[0] == 0).all()
    assert np.isfinite(S).all(axis=None)


def test_standardising_by_speaker_needs_to_know_them_all(table):
    X, clips = table
    with pytest.raises(ValueError, match="speaker of 15 of 30 clips is unknown"):
        features.standardize(X, clips.iloc[:15], "speaker")
    clips.loc[clips.index[3:5], "speaker"] = None
    with pytest.raises(ValueError, match="speaker of 2 of 30 clips is unknown"):
        features.standardize(X, clips, "speaker")


@pytest.mark.parametrize("how", ["", "fold", None, "Speaker"])
def test_another_way_of_standardising_is_refused_with_the_known_ones(how, table):
    with pytest.raises(ValueError, match="Known: none, corpus, speaker"):
        features.standardize(*table, how)


# The corpus's digest


def test_the_digest_is_of_clips_audio_and_emotions_not_of_order_or_place(
    corpus, shape, tmp_path
):
    def digest(clips):
        return features.extract(shape, clips, store=False).attrs["corpus_sha256"]

    clips = corpus(4)
    first = digest(clips)
    assert len(first) == 64
    assert digest(clips.iloc[::-1]) == first
    moved = Path(clips["path"].iloc[0]).rename(tmp_path / "moved.wav")
    clips.loc["x/00", "path"] = str(moved)
    assert digest(clips) == first
    others = {
        digest(clips.iloc[:3]),
        digest(clips.assign(emotion="sad")),
        digest(clips.rename(index={"x/00": "x/0"})),
    }
    soundfile.write(moved, tone(9), RATE)
    others.add(digest(clips))
    assert len(others | {first}) == 5


# Telling features


def test_the_most_telling_feature_comes_first(table):
    X, clips = table
    clips["emotion"] = ["happy", "sad", "sad"] * 5 + ["sad", "happy", "happy"] * 5
    X["c"] = (clips["emotion"] == "sad").astype(np.float32)
    told = features.telling(X, clips)
    assert told.index[0] == "c"
    assert told.loc["c"].tolist() == [1, 0]
    assert told["mean"].drop("d").between(0, 1).all()
    assert told["mean"].isna().to_dict() == {
        "c": False,
        "a": False,
        "b": False,
        "d": True,
    }


# What the screen shows


@pytest.mark.parametrize("shown", [True, False])
def test_a_log_holds_no_progress_bar(shown, corpus, tmp_path):
    code = (
        "import sys, pandas as pd\n"
        "from sertools import features, models\n"
        "clips = pd.read_pickle(sys.argv[1])\n"
        "model = models.load('duration_loudness')\n"
        f"features.extract(model, clips, store=False, progress={shown})\n"
    )
    corpus(2).to_pickle(tmp_path / "clips.pkl")
    command = [sys.executable, "-c", code, str(tmp_path / "clips.pkl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
