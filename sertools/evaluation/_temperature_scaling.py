"""Temperature scaling: calibrated probabilities, fitted on the other speakers."""

from dataclasses import replace

import numpy as np
import pandas as pd

from sertools.evaluation import _proper_scoring
from sertools.evaluation._notes import Kind, Note
from sertools.evaluation._predictions import on_shared, table
from sertools.evaluation._proper_scoring import Answers
from sertools.evaluation._result import Result
from sertools.models.heads._temperature import fit_temperature, temper

_LEAST = 1e-12  # of a probability


def calibrate(result: Result) -> Result:
    """Calibrate probabilities by temperature scaling, fitted on the other speakers.

    A temperature above 1 makes all answers less sure, one below 1 surer; the
    order of the classes stays, and with it every prediction. It minimises the
    log loss of the other speakers' clips, so that nobody's own clips decide how
    sure the model may be about them.

    Parameters
    ----------
    result : Result
        Of any evaluation that gave probabilities.

    Returns
    -------
    Result
        With the same predictions and calibrated probabilities.
        ``info["calibration"]`` holds the temperature ``by_speaker``, and the
        one for new speakers, ``temperature``, from all clips.

    Raises
    ------
    ValueError
        If speakers are unknown or there is one only, or the answers come
        without probabilities.

    Notes
    -----
    Where the model has classes that none of the clips is, their probability
    first goes to the shared ones in proportion (``other`` stays); a note counts
    the predictions that this changed. A zero is taken for half the smallest
    probability above zero that any clip was given, 1e-12 at least: it has no
    logarithm, and no order of classes may change. A weak prior, a standard
    normal of the temperature's logarithm, keeps it finite where the others'
    clips are all right.

    There is no further number a class (vector scaling): it would change
    predictions, and it mostly learns how often each emotion comes in a corpus.

    After cross-validation, the heads that answered for the other speakers had
    this one's clips among those they were trained on. What a single number can
    carry over that way is slight, and it is not nothing.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599

    Examples
    --------
    >>> from sertools.evaluation import from_predictions
    >>> rng = np.random.default_rng(0)
    >>> happy = rng.random(200)
    >>> truth = np.where(rng.random(200) < 0.5 + 0.2 * (happy - 0.5), "happy", "sad")
    >>> said = pd.DataFrame({"emotion": truth, "happy": happy, "sad": 1 - happy})
    >>> said["speaker"] = np.repeat(list("abcde"), 40)
    >>> fitted = calibrate(from_predictions(said)).info["calibration"]
    >>> fitted["temperature"] > 2
    True
    """
    result = _on_shared(result)
    said = _proper_scoring.answers(result, "calibrate")
    names = _proper_scoring.others(result, "temperature")
    _check(result)
    above = np.maximum(said.probabilities, _least(said.probabilities))
    after, fitted = above.copy(), {}
    for name in names:
        own = said.speakers == name
        fitted[name] = _fit(above[~own], said.codes[~own])
        after[own] = temper(above[own], fitted[name])
    everyone = _fit(above, said.codes)
    calibrated = pd.DataFrame(after, columns=result.classes)
    return replace(
        result,
        predictions=table(result.predictions, calibrated),
        info={**result.info, "calibration": _facts(everyone, fitted)},
        warnings=[*result.warnings, _note(said, after, list(fitted.values()))],
    )


def _check(result: Result) -> None:
    known = result.predictions.loc[
        result.predictions["emotion"].isin(result.classes), "speaker"
    ]
    if known.nunique() < 2:
        raise ValueError(
            "Fewer than two speakers have clips of an emotion that the model knows "
            f"({', '.join(result.classes)})."
        )


def _on_shared(result: Result) -> Result:
    """Give the classes that no clip is to those that model and clips share."""
    emotions = set(result.emotions)
    if not emotions & set(result.classes):
        return result
    kept, foreign, _ = on_shared(result.predictions[result.classes], emotions)
    if foreign.empty:
        return result
    projected = table(result.predictions, kept)
    changed = projected["predicted"] != result.predictions["predicted"].to_numpy()
    note = (
        f"Calibrated on {', '.join(kept)}: the share of {', '.join(foreign)}, which "
        "no clip is, went to these in proportion. That changed "
        f"{changed.sum()} of {len(changed)} predictions."
    )
    warnings = [*result.warnings, Note(Kind.PROJECTED, note)]
    return replace(result, predictions=projected, warnings=warnings)


def _least(probabilities: np.ndarray) -> float:
    """Say what a zero is taken for: half the smallest step that was made."""
    return max(float(probabilities[probabilities > 0].min()) / 2, _LEAST)


def _fit(probabilities: np.ndarray, codes: np.ndarray) -> float:
    """Find the temperature with the least log loss, under the weak prior."""
    known = codes >= 0
    return fit_temperature(probabilities[known], codes[known], prior=1.0)


def _facts(everyone: float, fitted: dict[str, float]) -> dict:
    return {"method": "temperature", "temperature": everyone, "by_speaker": fitted}


def _note(said: Answers, after: np.ndarray, fitted: list[float]) -> Note:
    """Say what was done, and whether it helped."""
    known = said.codes >= 0
    codes, speakers = said.codes[known], said.speakers[known]
    before = _proper_scoring.log_loss(said.probabilities[known], codes)
    change = _proper_scoring.log_loss(after[known], codes) - before
    _, place = np.unique(speakers, return_inverse=True)
    better = np.bincount(place, change) < 0
    only = ", each of one other speaker only" if len(fitted) == 2 else ""
    return Note(
        Kind.CALIBRATED,
        f"Calibrated: temperatures {min(fitted):.2f} to {max(fitted):.2f}, fitted on "
        f"the other speakers' clips{only}. Log loss {before.mean():.3f} before, "
        f"{before.mean() + change.mean():.3f} after; better for {better.sum()} of "
        f"{len(better)} speakers. Predictions stay.",
    )
