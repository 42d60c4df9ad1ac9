"""The demo corpus: complete, well-formed, and neither trivial nor hopeless."""

import importlib.util
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

DATA = Path(__file__).parents[1] / "data"
SPEAKERS = ["f1", "f2", "f3", "f4", "m1", "m2", "m3", "m4"]
EMOTIONS = ["angry", "disgust", "fear", "happy", "neutral", "sad"]
SENTENCES = ["s1", "s2", "s3", "s4"]
NAME = re.compile(r"(?P<speaker>[fm][1-4])_(?P<emotion>[a-z]+)_(?P<sentence>s[1-4])")
PITCH = "F0semitoneFrom27.5Hz_sma3nz_amean"


@pytest.fixture(scope="module")
def clips():
    """One row a clip: what its name says, and its samples."""
    rows = []
    for path in sorted((DATA / "demo").rglob("*.flac")):
        wave, rate = soundfile.read(path, always_2d=True)
        rows.append(NAME.fullmatch(path.stem).groupdict())
        rows[-1] |= {"path": path, "rate": rate, "wave": wave}
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def features(clips):
    """Summarise each clip by the 88 numbers of eGeMAPSv02."""
    import opensmile

    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)
    waves = (wave[:, 0] for wave in clips["wave"])
    table = pd.concat([smile.process_signal(wave, 16000) for wave in waves])
    return table.reset_index(drop=True)


@pytest.fixture(scope="module")
def make_demo():
    """Load the script that makes the corpus."""
    spec = importlib.util.spec_from_file_location("make_demo", DATA / "make_demo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def espeak_version():
    if shutil.which("espeak-ng") is None:
        return "none"
    command = ["espeak-ng", "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.search(r"\d+\.\d+", text).group()


def test_every_speaker_says_every_sentence_with_every_emotion(clips):
    found = clips[["speaker", "emotion", "sentence"]].itertuples(index=False, name=None)
    wanted = itertools.product(SPEAKERS, EMOTIONS, SENTENCES)
    assert sorted(found) == sorted(wanted)


def test_each_speaker_has_a_folder(clips):
    assert [path.parent.name for path in clips["path"]] == list(clips["speaker"])


def test_clips_are_16_khz_mono_16_bit(clips):
    assert set(clips["rate"]) == {16000}
    assert {wave.shape[1] for wave in clips["wave"]} == {1}
    assert {soundfile.info(path).subtype for path in clips["path"]} == {"PCM_16"}


def test_the_folder_is_at_most_6_mb_and_says_its_licence():
    files = [path for path in (DATA / "demo").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 6_000_000
    assert "CC0-1.0" in (DATA / "demo" / "LICENSE").read_text(encoding="utf-8")


def test_clips_last_about_a_second_and_no_two_are_alike(clips):
    seconds = clips["wave"].map(len) / 16000
    assert seconds.between(0.8, 2.2).all()
    assert clips["wave"].map(np.ndarray.tobytes).is_unique


def test_no_clip_is_silent_or_clipped(clips):
    assert clips["wave"].map(lambda wave: np.abs(wave).max()).between(0.05, 0.96).all()
    level = clips["wave"].map(lambda wave: 20 * np.log10(wave.std()))
    assert level.between(-40, -15).all()


def test_voices_and_emotions_sound_as_described(clips, features):
    pitch = features[PITCH].groupby(clips["speaker"]).mean()
    assert pitch.filter(like="f").min() > pitch.filter(like="m").max() + 3
    pitch = features[PITCH].groupby(clips["emotion"]).mean()
    loudness = features["loudness_sma3_amean"].groupby(clips["emotion"]).mean()
    seconds = clips["wave"].map(len).groupby(clips["emotion"]).mean()
    assert pitch[["angry", "fear", "happy"]].min() > pitch["neutral"] > pitch["disgust"]
    assert loudness["angry"] > loudness["happy"] > loudness["neutral"] > loudness["sad"]
    assert seconds["angry"] < seconds["neutral"] < seconds["sad"]


@pytest.mark.parametrize("head", ["svm", "logistic", "random forest"])
def test_unseen_speakers_are_recognised_well_but_not_perfectly(clips, features, head):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    classifier = {
        "svm": SVC(class_weight="balanced"),
        "logistic": LogisticRegression(class_weight="balanced", max_iter=2000),
        "random forest": RandomForestClassifier(
            200, class_weight="balanced", random_state=0
        ),
    }[head]
    predicted = cross_val_predict(
        make_pipeline(StandardScaler(), classifier),
        features.to_numpy(),
        clips["emotion"].to_numpy(),
        groups=clips["speaker"].to_numpy(),
        cv=LeaveOneGroupOut(),
    )
    assert 0.60 < balanced_accuracy_score(clips["emotion"], predicted) < 0.90


@pytest.mark.skipif(
    espeak_version() != "1.51" or not np.__version__.startswith("2.4."),
    reason="the clips were made with eSpeak NG 1.51 and numpy 2.4",
)
@pytest.mark.parametrize("name", ["f1_angry_s1", "m4_sad_s4"])
def test_the_script_makes_the_committed_clips(make_demo, name):
    speaker, emotion, sentence = name.split("_")
    made = make_demo.act(speaker, emotion, sentence)
    assert np.array_equal(made, make_demo.act(speaker, emotion, sentence))
    kept, _ = soundfile.read(DATA / "demo" / speaker / f"{name}.flac")
    np.testing.assert_allclose(made, kept, atol=2 / 2**15)


def test_readme_has_the_sentences_of_the_script(make_demo):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name, text in make_demo.SENTENCES.items():
        assert f"| {name} | {text} |" in readme


def test_without_espeak_the_script_says_how_to_install_it(tmp_path):
    run = subprocess.run(
        [sys.executable, DATA / "make_demo.py", "--out", tmp_path / "demo"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "apt install espeak-ng" in run.stderr
    assert "brew install espeak-ng" in run.stderr
    assert not (tmp_path / "demo").exists()
