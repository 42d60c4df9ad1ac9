"""Occlusion: what a clip's answer loses without each stretch and each band."""

import itertools
import os
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools import audio
from sertools.display import Display, lines
from sertools.evaluation._notes import made_up_by
from sertools.extras import require

_AT_ONCE = 32  # waveforms a model hears in one call


@dataclass(repr=False)
class Occlusion(Display):
    """How sure a model is of one clip without each stretch and each band.

    Parameters
    ----------
    emotion : str
        What is looked at: the model's answer, unless another was asked for.
    probability : float
        Of that emotion, in the clip as it is.
    seconds : DataFrame
        One row a stretch: ``start`` and ``end`` in seconds, ``probability``
        without it, and ``drop``: positive where it spoke for the emotion.
    bands : DataFrame
        One row a band: ``low`` and ``high`` in Hz, ``probability``, ``drop``.
    waveform : ndarray of shape (t,), float32
        The clip.
    sampling_rate : int
        Hz.
    scores : dict of str to float
        What the model says of the whole clip.
    model : str
        Its name.
    depth : float
        By how many dB stretches and bands were turned down.
    notes : list of str
        What a reader must know.
    """

    emotion: str
    probability: float
    seconds: pd.DataFrame
    bands: pd.DataFrame
    waveform: np.ndarray
    sampling_rate: int
    scores: dict[str, float]
    model: str = ""
    depth: float = 20.0
    notes: list[str] = field(default_factory=list)

    def _parts(self):
        when = self.seconds.loc[self.seconds["drop"].idxmax()]
        where = self.bands.loc[self.bands["drop"].idxmax()]
        told = [
            f"{self.model}: {self.emotion} {self.probability:.2f}",
            f"  without {when['start']:.2f} to {when['end']:.2f} s: "
            f"{when['probability']:.2f}, the largest drop of {len(self.seconds)} "
            "stretches",
            f"  without {where['low']:.0f} to {where['high']:.0f} Hz: "
            f"{where['probability']:.2f}, the largest drop of {len(self.bands)} bands",
        ]
        yield lines([*told, *(f"  {note}" for note in self.notes)])


def occlusion(
    model,
    source: str | os.PathLike | np.ndarray,
    head=None,
    emotion: str | None = None,
    window: float = 0.3,
    hop: float = 0.1,
    bands: int = 12,
    depth: float = 20.0,
) -> Occlusion:
    """Occlude stretches and bands of a clip, and see what the answer loses.

    Each stretch is turned down in turn, with soft edges, then each band of
    frequencies in the whole clip; the bands are equally wide on
    the mel scale. The waveform itself is changed, so that it works with
    any model.

    Parameters
    ----------
    model : Embedder or Classifier
        As `sertools.models.load` gives; or anything with ``predict_proba`` on
        lists of waveforms and ``classes_``, such as a scikit-learn pipeline.
    source : path or ndarray of shape (t,)
        A file, or mono samples at the model's ``sampling_rate``.
    head : fitted classifier, optional
        What an embedder's features go to; one that has not been trained on
        this speaker.
    emotion : str, optional
        Whose probability to follow; the model's answer if not given.
    window, hop : float
        Seconds: how long a stretch is, and how far apart they start.
    bands : int, default 12
        How many bands up to half the sampling rate.
    depth : float, default 20
        By how many dB they are turned down. Holes, ``numpy.inf``, are unlike
        anything a model was trained on, and tend to say more about holes than
        about the clip.

    Returns
    -------
    Occlusion
        See `sertools.plots.occlusion`.

    Raises
    ------
    ValueError
        If the model gives no emotions and there is no head, the emotion is none
        of its classes, or there are fewer than two bands.
    FileNotFoundError
        As `sertools.audio.load` does.

    Notes
    -----
    A clip that is changed so is not a clip that anybody spoke: a drop says that
    this model's answer hangs on that place, not that the emotion is there.
    Places that say the same can stand in for each other, and then none drops.

    References
    ----------
    Zeiler and Fergus (2014), Visualizing and understanding convolutional
    networks, doi:10.1007/978-3-319-10590-1_53

    Examples
    --------
    >>> from sertools import models
    >>> hiss = np.random.default_rng(0).normal(0, 0.1, 16_000)
    >>> found = occlusion(models.load("trained"), hiss, bands=4)
    >>> len(found.seconds), len(found.bands)
    (8, 4)
    """
    if bands < 2:
        raise ValueError(f"bands must be at least 2, not {bands}.")
    ask, classes = _asked(model, head)
    rate = getattr(model, "sampling_rate", 16_000)
    waveform = audio.load(source, rate)
    starts, pieces = audio.windows(waveform, rate, window, hop)
    ends = starts + [len(piece) / rate for piece in pieces]
    edges = mel_edges(bands, rate)
    heard = [waveform]
    heard += [
        audio.silence(waveform, a, b, rate, depth)
        for a, b in zip(starts, ends, strict=True)
    ]
    heard += [
        audio.stop_band(waveform, a, b, rate, depth)
        for a, b in itertools.pairwise(edges)
    ]
    parts = [heard[i : i + _AT_ONCE] for i in range(0, len(heard), _AT_ONCE)]
    scores = np.concatenate([ask(part) for part in parts])
    column = _column(classes, emotion, scores[0])
    told = scores[:, column]
    return Occlusion(
        classes[column],
        float(told[0]),
        _table({"start": starts, "end": ends}, told[0], told[1 : len(starts) + 1]),
        _table({"low": edges[:-1], "high": edges[1:]}, told[0], told[-bands:]),
        waveform,
        rate,
        dict(zip(classes, map(float, scores[0]), strict=True)),
        str(getattr(model, "label", type(model).__name__)),
        depth,
        made_up_by({"random_weights": getattr(model, "random_weights", False)}),
    )


def mel_edges(bands: int, sampling_rate: int) -> np.ndarray:
    """Cut the frequencies up to half the rate into bands of equal width in mel."""
    mel = require("librosa").mel_frequencies
    edges = mel(bands + 1, fmin=0, fmax=sampling_rate / 2)
    return np.r_[edges[:-1], sampling_rate / 2]  # to the last bit


def _asked(model, head):
    """Give what scores a list of waveforms, and its classes."""
    if head is None:
        if not hasattr(model, "predict_proba"):
            raise ValueError(
                f"{getattr(model, 'spec', model)} gives features, not emotions: "
                "give a fitted head, head=..."
            )
        return model.predict_proba, [str(name) for name in model.classes_]
    names = [str(name) for name in model.get_feature_names_out()]
    named = hasattr(head, "feature_names_in_")

    def ask(waveforms: list[np.ndarray]) -> np.ndarray:
        X = model.embed(waveforms)
        return head.predict_proba(pd.DataFrame(X, columns=names) if named else X)

    return ask, [str(name) for name in head.classes_]


def _column(classes: list[str], emotion: str | None, scores: np.ndarray) -> int:
    if emotion is None:
        return int(scores.argmax())
    if emotion not in classes:
        raise ValueError(f"{emotion!r} is no class here. Known: {', '.join(classes)}.")
    return classes.index(emotion)


def _table(places: dict, before: float, after: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({**places, "probability": after, "drop": before - after})
