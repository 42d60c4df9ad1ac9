import numpy as np
import pytest
import soundfile

from sertools import audio, evaluation, features, models
from sertools.evaluation._robustness import CLEAN
from sertools.metadata import FeaturesMetadata
from sertools.models.base import Classifier
from sertools.store import Store

RATE = 16_000


QUIET = {"store": False, "jobs": 1, "progress": False}


class Loudness(Classifier):
    """Call loud clips angry, by a threshold of its own."""

    name, title, license, reference = "loudness", "Loudness", "CC0-1.0", "none"
    classes_ = np.array(["angry", "sad"])

    def _predict_proba(self, waveforms):
        loud = np.array([np.square(w).mean() > 0.01 for w in waveforms])
        return np.column_stack([loud, ~loud]).astype(float)


@pytest.fixture
def spoken(imagined, tmp_path):
    """Give six speakers whose anger is loud; the first clip is very short."""
    clips, _ = imagined(6, ("angry", "sad"), clips=3)
    rng = np.random.default_rng(0)
    paths = []
    for number, (clip, emotion) in enumerate(clips["emotion"].items()):
        path = tmp_path / f"{clip.partition('/')[2]}.wav"
        level = (0.3 if emotion == "angry" else 0.02) * rng.uniform(0.8, 1.2)
        samples = level * rng.standard_normal(1_500 if number == 0 else 6_000)
        soundfile.write(path, samples, RATE)
        paths.append(str(path))
    return clips.assign(path=paths)


def test_without_a_head_a_model_hears_every_level(spoken):
    found = evaluation.robustness(
        Loudness(), None, spoken, ["gain:-40", "telephone"], **QUIET
    )
    assert found.clean.scores()["uar"]["value"] == 1
    assert found.levels.at["gain:-40", "uar"] == 0.5
    assert found.answers().loc["gain:-40"].to_dict() == {"angry": 0, "sad": 1}
    assert found.levels.at["gain:-40", "changed"] == 0.5
    assert found.levels.at["gain:-40", "p_joint"] == pytest.approx(2 / 64)


def test_clean_is_what_cross_validate_finds(spoken):
    model = models.load("duration_loudness")
    found = evaluation.robustness(model, "logistic", spoken, ["gain:-20"], **QUIET)
    X = features.extract(model, spoken, **QUIET)
    plain = evaluation.cross_validate("logistic", X, spoken, baseline=False)
    told, expected = found.clean.predictions, plain.predictions
    told = told.set_index("clip").loc[expected["clip"]]
    assert told["predicted"].tolist() == expected["predicted"].tolist()
    assert told["angry"].to_numpy() == pytest.approx(expected["angry"].to_numpy())
    assert found.clean.info["head"] == "logistic"
    assert found.clean.info["leaking"] is False


def test_heads_trained_on_the_same_recover(spoken):
    model = models.load("duration_loudness")
    found = evaluation.robustness(
        model, "logistic", spoken, ["gain:-30"], matched=True, **QUIET
    )
    assert found.levels.at["gain:-30", "uar"] == 0.5
    assert found.levels.at["gain:-30", "matched"] == 1
    assert list(found.matched) == ["gain:-30"]


def test_all_levels_are_scored_on_the_same_clips_and_the_others_named(spoken):
    model = models.load("duration_loudness")
    for head, system in (("logistic", model), (None, Loudness())):
        found = evaluation.robustness(
            system, head, spoken, ["truncation:50%", "noise:10"], **QUIET
        )
        short = spoken.index[0]
        for spec, result in found.results.items():
            assert len(result.predictions) == len(spoken) - 1
            assert [row["clip"] for row in result.excluded] == [short], spec
        reasons = found.results["truncation:50%"].excluded[0]["reason"]
        assert "at least 50 ms" in reasons
        assert any("1 clips are not used" in note for note in found.notes)


def test_it_shows_itself(spoken):
    found = evaluation.robustness(Loudness(), None, spoken, ["gain:-40"], **QUIET)
    text, page = repr(found), found._repr_html_()
    assert "gain:-40: UAR 0.500, -0.500" in text
    assert "chance 0.500" in text
    assert ">gain:-40</td>" in page
    assert "trained on the same" not in page
    few = spoken[spoken["speaker"].isin(spoken["speaker"].unique()[:4])]
    found = evaluation.robustness(Loudness(), None, few, ["gain:-40"], **QUIET)
    assert np.isnan(found.levels.at["gain:-40", "p"])
    assert any("Only 4 speakers" in note for note in found.notes)


@pytest.mark.parametrize("asked", [[], ["noise:10", "noise:10.0"], ["nose:1"]])
def test_levels_that_make_no_sense_are_refused_before_any_work(asked, spoken):
    with pytest.raises(ValueError):
        evaluation.robustness(Loudness(), None, spoken.assign(path="nowhere"), asked)


def test_the_store_keeps_levels_apart_and_workers_agree(spoken, tmp_path):
    model = models.load("opensmile")
    store = Store(tmp_path / "store")
    few = spoken.tail(3)
    heard = features.with_degradation(model, "noise:5", seed=1)
    X = features.extract(heard, few, store, jobs=2, progress=False)
    clean = features.extract(model, few, store, jobs=1, progress=False)
    other = features.extract(
        features.with_degradation(model, "noise:5", seed=2),
        few,
        store,
        jobs=1,
        progress=False,
    )
    assert not np.allclose(X, clean)
    assert not np.allclose(X, other)
    again = features.extract(heard, few.iloc[::-1], store, jobs=1, progress=False)
    assert again.loc[X.index].equals(X)
    alone = features.extract(heard, few.tail(1), False, jobs=1, progress=False)
    assert alone.iloc[0].equals(X.loc[few.index[-1]])
    assert FeaturesMetadata.of(X).model == "opensmile (noise:5)"
    assert len(list((tmp_path / "store").iterdir())) == 3


def test_a_degraded_system_is_otherwise_the_system(spoken):
    heard = features.with_degradation(Loudness(), "gain:-40")
    assert heard.predict_proba([np.ones(RATE)])[0].tolist() == [0, 1]
    assert heard.spec == "loudness"
    assert not hasattr(heard, "embed")
    both = features.with_degradation(
        models.load("duration_loudness+mfcc"), "truncation:50%"
    )
    X = features.extract(both, spoken.tail(2), **QUIET)
    plain = features.extract(both.parts[1].model, spoken.tail(2), **QUIET)
    assert list(X.columns)[-80:] == [f"mfcc/{name}" for name in plain]
    halves = [audio.load(path)[:3_000] for path in spoken["path"].tail(2)]
    alone = models.load("mfcc").embed(halves)
    assert X.to_numpy()[:, -80:] == pytest.approx(alone, rel=1e-5)


def test_clean_comes_first(spoken):
    found = evaluation.robustness(Loudness(), None, spoken, ["gain:-40"], **QUIET)
    assert next(iter(found.results)) == CLEAN
    assert list(found.levels.index) == ["gain:-40"]
