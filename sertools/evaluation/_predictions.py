"""The predictions table, of probabilities made here or predictions made elsewhere."""

import numpy as np
import pandas as pd

from sertools import labels
from sertools.datasets._tables import normalized, sexes
from sertools.evaluation._notes import Kind, Note
from sertools.evaluation._result import Result
from sertools.evaluation.intervals import FIELDS


def from_predictions(predictions: pd.DataFrame, **info) -> Result:
    """Score predictions made elsewhere: another toolkit, an API, a listener.

    Parameters
    ----------
    predictions : DataFrame
        One row a clip, with ``emotion`` (what is true) and either
        ``predicted`` or one probability column an emotion. Emotions are named
        by any word that `sertools.labels` knows. If known: ``clip`` (or the
        index), ``speaker``, ``sex``, ``fold``, ``path``.
    **info
        dataset, model, head, folds, standardize, seed, as they apply.

    Returns
    -------
    Result
        As from `cross_validate`.

    Raises
    ------
    ValueError
        If the table is empty, a column is missing or means the same as
        another, an emotion unknown, a clip there twice, or a row's
        probabilities do not sum to one.

    Examples
    --------
    >>> made = pd.DataFrame({"emotion": ["sad", "angry"], "predicted": ["sad", "sad"]})
    >>> from_predictions(made).scores()["uar"]["value"]
    0.5
    """
    if predictions.empty:
        raise ValueError("The table of predictions has no rows.")
    given = predictions.copy()
    if "clip" not in given:
        given = given.reset_index(names="clip")
    if "emotion" not in given:
        raise ValueError("The table needs a column 'emotion': what is true.")
    if given["clip"].duplicated().any():
        twice = given.loc[given["clip"].duplicated(), "clip"].iloc[0]
        raise ValueError(f"Clip {twice!r} is there twice.")
    for name in {"clip", "speaker", "sex", "fold"} & set(given.columns):
        given[name] = normalized(given[name])
    if "sex" in given:
        given["sex"] = sexes(given["sex"])
    columns = {name: _emotion(name) for name in given.columns if name not in FIELDS}
    columns = {name: emotion for name, emotion in columns.items() if emotion}
    given["emotion"] = [labels.canonical(word) for word in given["emotion"]]
    if len(set(columns.values())) < len(columns):
        raise ValueError(f"Two columns mean the same emotion: {', '.join(columns)}.")
    if columns:
        probabilities = given[list(columns)].rename(columns=columns)
    elif "predicted" in given:
        predicted = [labels.canonical(word) for word in given["predicted"]]
        classes = sorted({*predicted, *given["emotion"]})
        certain = np.array(predicted)[:, None] == np.array(classes)
        probabilities = pd.DataFrame(certain.astype(float), given.index, classes)
    else:
        raise ValueError("The table needs 'predicted', or a column for each emotion.")
    scored = table(given, probabilities)
    return Result(scored, info=info, warnings=_overruled(given, scored))


def _overruled(given: pd.DataFrame, scored: pd.DataFrame) -> list[Note]:
    """Say where the most probable emotion is another than the one given."""
    if "predicted" not in given:
        return []
    words = map(_emotion, given["predicted"])
    n = sum(a != b for a, b in zip(words, scored["predicted"], strict=True))
    if not n:
        return []
    text = (
        f"{n} of {len(scored)} given predictions are not the most probable emotion of "
        "their clip; the most probable one is scored."
    )
    return [Note(Kind.OVERRULED, text)]


def table(clips: pd.DataFrame, probabilities: pd.DataFrame) -> pd.DataFrame:
    """Join clips and probabilities into a predictions table."""
    probabilities = probabilities[sorted(probabilities.columns)].astype(np.float64)
    values = probabilities.to_numpy()
    if not (np.isfinite(values).all() and (values >= -1e-6).all()):
        raise ValueError("Probabilities must be finite numbers from 0 to 1.")
    if not np.allclose(values.sum(axis=1), 1, atol=1e-3):
        row = int(np.abs(values.sum(axis=1) - 1).argmax())
        raise ValueError(
            f"Probabilities of {clips['clip'].iloc[row]} sum to "
            f"{values[row].sum():.3f}, not to 1."
        )
    best = probabilities.columns.to_numpy()[values.argmax(axis=1)]
    given = {name: _column(clips, name) for name in FIELDS}
    given["predicted"] = best
    return pd.concat(
        [pd.DataFrame(given), probabilities.reset_index(drop=True)], axis=1
    ).astype(dict.fromkeys(FIELDS, "str"))


def on_shared(
    probabilities: pd.DataFrame, emotions: set[str]
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Give the other classes' probability to those that model and clips share."""
    shared = [name for name in probabilities if name in emotions or name == "other"]
    kept = probabilities[shared].astype("float64")
    mass = kept.sum(axis=1)
    kept = kept.div(mass.where(mass > 0), axis=0).fillna(1 / max(len(shared), 1))
    return kept, probabilities.drop(columns=shared), int((mass <= 0).sum())


def _column(clips: pd.DataFrame, name: str):
    return clips[name].to_numpy() if name in clips else [None] * len(clips)


def _emotion(word: str) -> str | None:
    try:
        return labels.canonical(word)
    except ValueError:
        return None
