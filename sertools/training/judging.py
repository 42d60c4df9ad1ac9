"""Fit a head on all clips, and judge it by what held-out speakers say."""

import numpy as np
import pandas as pd

from sertools import evaluation, features
from sertools.evaluation import choices
from sertools.evaluation.predictions import table
from sertools.models import heads
from sertools.models.heads import caution

__all__ = ["fit", "judged", "tested"]

_WITHIN = 0.97  # of the training clips, when their speaker is held out


def fit(head, X, clips, result, seed, abstain) -> tuple[object, dict]:
    """Fit on all clips; take from held-out speakers what keeps the head honest.

    Parameters
    ----------
    head : str or scikit-learn classifier
        See `sertools.models.heads.make`.
    X, clips : DataFrame
        Features and clips.
    result : Result
        Of the same head, cross-validated on them.
    seed : int
        Of everything drawn.
    abstain : bool
        Whether clips far from these go to ``other``.

    Returns
    -------
    fitted : estimator
        The head.
    facts : dict
        Scores, temperature, edge and features, for the card.
    """
    clips, values = clips.loc[X.index], X.to_numpy(np.float64)
    y = clips["emotion"].to_numpy(dtype=object).astype(str)
    rows = X.index.get_indexer(result.predictions["clip"])
    fold = np.full(len(X), None, dtype=object)
    fold[rows] = result.predictions["fold"].to_numpy(dtype=object)
    scores = result.predictions[result.classes].to_numpy()
    codes = np.searchsorted(result.classes, y[rows])
    distance = _distances(values, fold)[rows]
    after, far = _nested(scores, codes, distance, fold[rows])
    edge = _short(np.quantile(distance, _WITHIN))
    reach = caution.Reach.of(values)
    pairs = zip(X.columns, reach.mean, reach.scale, strict=True)
    name = result.info["head"]
    fitted = _on_all(head, X, y, clips["speaker"], name, seed)
    took = choices.taken(fitted).get("chosen")
    facts = {
        "head": f"{name}: {took['candidate']}" if took else name,
        "classes": result.classes,
        "scores": {"held out": judged(result, codes, after, far if abstain else None)},
        "temperature": _short(caution.fit_temperature(scores, codes)),
        "reach": {"edge": edge} if abstain else None,
        "features": {str(name): [_short(m), _short(s)] for name, m, s in pairs},
    }
    return fitted, facts


def _on_all(head, X: pd.DataFrame, y, speakers: pd.Series, name: str, seed: int):
    """Fit the head on every clip, as cross-validation fits it on most."""
    from threadpoolctl import threadpool_limits

    plain = name in set(heads.names()) - set(heads.reading_names())
    who = None if speakers.isna().any() else speakers.to_numpy()
    with threadpool_limits(1):  # the same numbers whatever the number of cores
        return heads.fit(heads.make(head, seed), X.to_numpy() if plain else X, y, who)


def _distances(values: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Measure how far each clip is from the clips of the other folds."""
    distance = np.full(len(values), np.nan)
    for name in set(fold) - {None}:
        own = fold == name
        distance[own] = caution.Reach.of(values[~own]).distance(values[own])
    return distance


def _nested(scores, codes, distance, fold) -> tuple[np.ndarray, np.ndarray]:
    """Calibrate each fold, and find its far clips, by what the others say."""
    after, far = scores.copy(), np.zeros(len(scores))
    for name in set(fold):
        own = fold == name
        temperature = caution.fit_temperature(scores[~own], codes[~own])
        edge = np.quantile(distance[~own], _WITHIN)
        flattening = caution.flattening(distance[own], edge)
        after[own] = caution.temper(scores[own], temperature * flattening)
        far[own] = caution.share(distance[own], edge)
    return after, far


def judged(result, codes, after, far) -> dict:
    """Sum up a result: plain, calibrated, and with clips given to ``other``."""
    before = result.predictions[result.classes].to_numpy()
    told = {
        "n_clips": len(before),
        "n_speakers": result.n_speakers,
        "folds": result.info.get("folds"),
        **_rounded(result.scores()),
        "chance": result.chance,
        "log_loss": _both(caution.log_loss, before, after, codes),
        "calibration_error": _both(caution.calibration_error, before, after, codes),
    }
    if far is None:
        return told
    columns = {name: after[:, i] * (1 - far) for i, name in enumerate(result.classes)}
    columns["other"] = columns.get("other", 0) + far
    careful = evaluation.Result(table(result.predictions, pd.DataFrame(columns)))
    silent = careful.predictions["predicted"] == "other"
    return {
        **told,
        "abstains": round(float(silent.mean()), 4),
        "uar_with_abstention": _rounded(careful.scores())["uar"],
    }


def _rounded(scores: dict) -> dict:
    return {
        name: {key: value and round(value, 4) for key, value in score.items()}
        for name, score in scores.items()
    }


def _short(number: float) -> float:
    """Round to six digits."""
    return float(f"{number:.6g}")


def _both(measure, before, after, codes) -> dict:
    values = {"before": measure(before, codes), "after": measure(after, codes)}
    return {when: round(value, 4) for when, value in values.items()}


def tested(made, model, clips, options) -> dict:
    """Test the fitted head on other clips, on the emotions that both know."""
    emotions = list(made.backend.own)
    clips = clips[clips["emotion"].isin(emotions)]
    X = features.extract(model, clips, **options)
    plain, after, far = made.judge(X)
    clips = clips.loc[X.index].assign(fold="").reset_index()
    result = evaluation.Result(table(clips, pd.DataFrame(plain, columns=emotions)))
    codes = np.searchsorted(emotions, clips["emotion"].to_numpy(dtype=str))
    return judged(result, codes, after, far)
