import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools import audio, datasets, features, models
from sertools.features._extraction import megabytes
from sertools.metadata import ClipsMetadata, FeaturesMetadata
from sertools.models.base import Classifier

RATE = 16_000


def reasons(X) -> dict[str, str]:
    return {row["clip"]: row["reason"] for row in FeaturesMetadata.of(X).excluded}


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
        assert FeaturesMetadata.of(X).model == "shape"
        assert FeaturesMetadata.of(X).excluded == FeaturesMetadata.of(X).silent == []


@pytest.mark.parametrize("spec", ["opensmile", "opensmile:ComParE_2016", "mfcc"])
def test_real_systems_give_what_embed_gives(spec, corpus):
    clips, model = corpus(3), models.load(spec)
    X = features.extract(model, clips, store=False, jobs=1)
    alone = [model.embed([audio.load(path)])[0] for path in clips["path"]]
    assert (X.to_numpy() == np.stack(alone)).all()
    assert X.columns.tolist() == list(model.get_feature_names_out())


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
    assert FeaturesMetadata.of(X).model == "opensmile+mfcc"
    assert list(reasons(X)) == ["x/text"]
    assert FeaturesMetadata.of(X).silent == ["x/quiet"]
    assert (
        FeaturesMetadata.of(X).corpus_sha256 == FeaturesMetadata.of(smile).corpus_sha256
    )


def test_a_clip_that_one_of_the_fused_systems_cannot_use_is_left_out(corpus, shape):
    class Picky(type(shape)):
        name = "picky"

        def _embed(self, waveforms):
            if any(audio.is_silent(waveform) for waveform in waveforms):
                raise RuntimeError("nothing to hear")
            return super()._embed(waveforms)

    clips = corpus(2, quiet=np.zeros(RATE))
    for parts in ([shape, Picky()], [Picky(), shape]):
        X = features.extract(models.Fusion(parts), clips, store=False)
        assert X.index.tolist() == ["x/00", "x/01"]
        assert reasons(X) == {"x/quiet": "picky failed on it (nothing to hear)"}
        assert FeaturesMetadata.of(X).silent == []


def test_nothing_is_computed_twice(corpus, store, shape):
    clips = corpus(5)
    features.extract(shape, clips, store=store)
    assert shape.asked == 5
    features.extract(shape, clips.iloc[::-1], store=str(store.folder))
    assert shape.asked == 5


def test_who_asks_at_the_same_time_waits_instead_of_computing_too(
    corpus, store, shape, tmp_path
):
    clips, answers = corpus(), []
    signature = shape.signature()
    threads = [
        threading.Thread(
            target=lambda: answers.append(features.extract(shape, clips, store=store))
        )
        for _ in range(3)
    ]
    with store.lock(signature, "x"):  # as a fourth who is at it
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        assert shape.asked == 0
    for thread in threads:
        thread.join()
    assert shape.asked == len(clips)
    assert all(answer.equals(answers[0]) for answer in answers)
    assert not list(store.folder.glob("*.lock"))


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


def test_changed_bytes_under_the_same_name_are_not(corpus, store, shape, tone):
    clips = corpus(2)
    features.extract(shape, clips, store=store)
    soundfile.write(clips["path"].iloc[0], tone(9, 0.5), RATE)
    X = features.extract(shape, clips, store=store)
    assert shape.asked == 3
    assert X["samples"].tolist() == [8000, 3360]


def test_clips_with_the_same_bytes_share_one_answer(corpus, store, shape, tone):
    clips = corpus(1, twin=tone(0))
    X = features.extract(shape, clips, store=store)
    assert shape.asked == 1
    assert X.loc["x/00"].equals(X.loc["x/twin"].rename("x/00"))


def test_interrupted_work_resumes_at_the_chunk_it_had_reached(corpus, store, shape):
    clips = corpus(40)
    stop = 39 - 3  # in the third chunk of 16

    class Interrupted(type(shape)):
        def _embed(self, waveforms):
            if any(len(w) == RATE * 0.2 + 160 * stop for w in waveforms):
                raise KeyboardInterrupt
            return super()._embed(waveforms)

    with pytest.raises(KeyboardInterrupt):
        features.extract(Interrupted(), clips, store=store)
    X = features.extract(shape, clips, store=store)
    assert shape.asked == 40 - 32
    assert X.equals(features.extract(shape, clips, store=False))


def soundfile_bytes(samples) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture
def mixed(corpus, tone):
    cut = soundfile_bytes(tone(3))[:-1000]
    nothing = {"empty": b"", "text": b"words, not sound" * 100, "gone": None}
    short = {"short": tone(1, 0.01), "cut": cut}
    clips = corpus(20, **nothing, **short)
    return clips.sample(frac=1, random_state=1)


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
    assert "a folder" in reasons(X)["x/01"]


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
    ClipsMetadata.update(clips, excluded=[{"clip": "odd.wav", "reason": "a stranger"}])
    X = features.extract(shape, clips, store=False)
    assert reasons(X) == {"odd.wav": "a stranger", "x/gone": "no such file"}


def test_where_no_clip_can_be_used_the_first_reason_is_told(corpus, shape):
    clips = corpus(0, empty=b"", gone=None)
    ClipsMetadata.update(clips, excluded=[{"clip": "odd.wav", "reason": "a stranger"}])
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
        assert FeaturesMetadata.of(X).silent == ["x/quiet", "x/offset"]
    assert shape.asked == 4


def test_the_two_kinds_of_system_are_not_mistaken_for_each_other(corpus, shape):
    class Judge(Classifier):
        name = "judge"

    with pytest.raises(ValueError, match="judge gives no features"):
        features.extract(Judge(), corpus(1), store=False)
    with pytest.raises(ValueError, match="shape gives features, not emotions"):
        features.score(shape, corpus(1), store=False)


def test_a_system_that_was_set_to_another_variant_answers_as_that_one(corpus):
    clips, model = corpus(1), models.load("opensmile")
    assert features.extract(model, clips, store=False, jobs=1).shape == (1, 88)
    model.set_params(variant="ComParE_2016")
    assert features.extract(model, clips, store=False, jobs=1).shape == (1, 6373)


def test_the_digest_is_of_clips_audio_and_emotions_not_of_order_or_place(
    corpus, shape, tmp_path, tone
):
    def digest(clips):
        return FeaturesMetadata.of(
            features.extract(shape, clips, store=False)
        ).corpus_sha256

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


def test_a_log_holds_no_progress_bar(corpus, tmp_path):
    code = (
        "import sys, pandas as pd\n"
        "from sertools import features, models\n"
        "clips = pd.read_pickle(sys.argv[1])\n"
        "model = models.load('duration_loudness')\n"
        "features.extract(model, clips, store=False, progress=True)\n"
    )
    corpus(2).to_pickle(tmp_path / "clips.pkl")
    command = [sys.executable, "-c", code, str(tmp_path / "clips.pkl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def clips():
    return datasets.select(datasets.load("demo"), max_clips=6)


def test_time_is_measured_where_nothing_came_from_the_store(clips, tmp_path):
    model = models.load("duration_loudness")
    cold = features.extract(model, clips, store=tmp_path, jobs=1, progress=False)
    assert 0 < FeaturesMetadata.of(cold).seconds_per_clip < 10
    warm = features.extract(model, clips, store=tmp_path, jobs=1, progress=False)
    assert FeaturesMetadata.of(warm).seconds_per_clip is None
    kept = features.extract(model, clips[:3], store=tmp_path / "x", jobs=1)
    assert FeaturesMetadata.of(kept).seconds_per_clip > 0
    some = features.extract(model, clips, store=tmp_path / "x", jobs=1)
    assert (
        FeaturesMetadata.of(some).seconds_per_clip is None
    )  # half of it came from the store


def test_a_fused_system_takes_the_time_of_its_parts(clips):
    model = models.load("duration_loudness+opensmile")
    X = features.extract(model, clips, store=False, jobs=1, progress=False)
    alone = features.extract(model.parts[0], clips, store=False, jobs=1, progress=False)
    assert FeaturesMetadata.of(X).seconds_per_clip > 0
    assert FeaturesMetadata.of(alone).megabytes == FeaturesMetadata.of(X).megabytes == 0


def test_weights_are_weighed(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 1_500_000)
    assert megabytes(models.load("opensmile+mfcc")) == 0
    assert megabytes(models.load("whisper", weights=tmp_path / "a")) == 1.5
    assert 0 < megabytes(models.load("trained:emodb_egemaps")) < 0.1


def test_random_weights_have_no_size_worth_telling():
    assert megabytes(models.load("whisper", weights="tiny")) is None


def test_what_strikes_every_clip_is_not_theirs(corpus, shape):
    class Broken(type(shape)):
        name = "broken"

        def _embed(self, waveforms):
            raise RuntimeError("no locator available")

    with pytest.raises(ValueError, match=r"^No clip is to blame.*no locator available"):
        features.extract(Broken(), corpus(3), store=False, jobs=1)


def test_a_clip_too_short_for_a_system_is_not_blamed_on_its_numbers(corpus, shape):
    class Wanting(type(shape)):
        name = "wanting"

        def _embed(self, waveforms):
            return np.array(
                [[np.nan if len(w) < 2_000 else 1.0] * 3 for w in waveforms]
            )

    clips = corpus(2)
    soundfile.write(clips["path"].iloc[0], np.ones(1_600) / 3, 16_000)
    X = features.extract(Wanting(), clips, store=False, jobs=1)
    (reason,) = reasons(X).values()
    assert reason.endswith("not finite numbers; it lasts 100 ms only)")


def test_a_pipe_among_the_clips_is_named(corpus, shape, tmp_path):
    clips = corpus(2)
    os.mkfifo(tmp_path / "a.wav")
    clips.iloc[0, clips.columns.get_loc("path")] = str(tmp_path / "a.wav")
    X = features.extract(shape, clips, store=False, jobs=1)
    assert list(reasons(X).values()) == ["a pipe or a device, not a file"]
