"""Conformal prediction: sets of emotions instead of one, as wide as the doubt."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools import display
from sertools.evaluation import _proper_scoring
from sertools.evaluation._notes import carried
from sertools.evaluation._result import Result
from sertools.evaluation.intervals import (
    FIELDS,
    accuracy,
    groups,
    jackknife,
    right_by_speaker,
)


@dataclass(repr=False)
class PredictionSets(display.Display):
    """A set of emotions for each clip, and how often the true one is in it.

    Parameters
    ----------
    sets : DataFrame
        One row a clip: clip, emotion, predicted, speaker, sex, fold, path,
        ``set`` (the emotions, the most probable first, joined by commas),
        ``size`` and ``covered``.
    level : float
        The share of clips that ought to be covered.
    thresholds : Series
        By speaker: the probability from which on an emotion is in the set.
    classes : list of str
        All that a set may hold.
    promised_speakers : float or None
        The share of speakers for whom the level ought to be reached; ``None``
        where it is meant of all clips together.
    notes : list of str
        What a reader must know.
    """

    sets: pd.DataFrame
    level: float
    thresholds: pd.Series
    classes: list[str]
    promised_speakers: float | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def coverage(self) -> dict[str, float | None]:
        """The share of clips whose set holds the truth: value, low, high."""
        counts = right_by_speaker(self.sets["covered"], self.sets["speaker"])
        found = jackknife(counts, accuracy)
        return dict(zip(("value", "low", "high"), found, strict=True))

    def by(self, column: str) -> pd.DataFrame:
        """Count coverage and size of groups of clips, the least covered first.

        Parameters
        ----------
        column : str
            ``speaker``, ``emotion``, ``sex``, ``size`` or any other column of
            `sets`.

        Returns
        -------
        DataFrame
            One row a group: ``n_clips``, ``coverage``, ``size``.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        parts = self.sets.groupby(groups(self.sets, column))
        table = pd.DataFrame(
            {
                "n_clips": parts.size(),
                "coverage": parts["covered"].mean(),
                "size": parts["size"].mean(),
            }
        )
        table.index.name = column
        return table.sort_values("coverage", kind="stable")

    def sizes(self) -> pd.Series:
        """Count the clips by the size of their set, 1 to all classes."""
        sizes = range(1, len(self.classes) + 1)
        counted = self.sets["size"].value_counts().reindex(sizes, fill_value=0)
        return counted.rename("n_clips")

    def _parts(self):
        yield display.heading(self._head(), bold=True)
        yield display.notes([*self._told(), *self.notes])

    def _head(self) -> str:
        aim = f"{self.level:.0%} of the clips"
        if self.promised_speakers is not None:
            aim += f" of each of {self.promised_speakers:.0%} of the speakers"
        return f"Sets of emotions meant to hold the truth for {aim}. No guarantee."

    def _told(self) -> list[str]:
        found = self.coverage
        span = display.span(found["low"], found["high"])
        people, emotions = self.by("speaker"), self.by("emotion")
        reached = int((people["coverage"] >= self.level - 1e-9).sum())
        return [
            f"Covered: {found['value']:.3f} {span} of {len(self.sets)} clips, with "
            f"{self.sets['size'].mean():.2f} emotions of {len(self.classes)} a set.",
            f"{reached} of {len(people)} speakers reach {self.level:.0%}; the worst is "
            f"{people.index[0]}: {people['coverage'].iloc[0]:.3f} of "
            f"{people['n_clips'].iloc[0]} clips.",
            f"The emotion missed most is {emotions.index[0]}: covered in "
            f"{emotions['coverage'].iloc[0]:.3f} of {emotions['n_clips'].iloc[0]}.",
        ]


def prediction_sets(
    result: Result, level: float = 0.9, speakers: float | None = None
) -> PredictionSets:
    """Give each clip a prediction set (conformal prediction over speakers).

    The set is as wide as it takes for other speakers.

    An emotion is in the set if its probability reaches a threshold; the most
    probable one is always in. The threshold for a speaker is the one with which
    the sets of the *other* speakers' clips hold the truth as often as `level`
    says (split conformal prediction, one speaker left out at a time).

    Parameters
    ----------
    result : Result
        Of any evaluation that gave probabilities.
    level : float, default 0.9
        The share of clips that ought to be covered, between 0 and 1.
    speakers : float, optional
        Make the sets so wide that this share of speakers each reach `level`.
        With G speakers it can be at most 1 - 1/G. Without, the level is meant
        of all clips together, and some speakers may stay far below it.

    Returns
    -------
    PredictionSets
        Shows its coverage, by whom and by emotion.

    Raises
    ------
    ValueError
        If a share is out of range, speakers are unknown or too few, or the
        answers come without probabilities.

    Notes
    -----
    Conformal prediction guarantees its level where clips can be exchanged for
    one another. A new speaker's clips cannot be exchanged for the others': they
    share a voice. With `speakers`, whole speakers are exchanged, which is right
    for people drawn alike, but the heads that answered for the other speakers
    were trained on this one's clips among others, and corpora do not draw
    people at random. So the coverage is measured here and never promised.

    References
    ----------
    Sadinle, Lei and Wasserman (2019), Least ambiguous set-valued classifiers
    with bounded error levels, doi:10.1080/01621459.2017.1395341
    Dunn, Wasserman and Ramdas (2023), Distribution-free prediction sets for
    two-layer hierarchical models, doi:10.1080/01621459.2022.2060112

    Examples
    --------
    >>> from sertools.evaluation import from_predictions
    >>> rng = np.random.default_rng(0)
    >>> happy = rng.random(200)
    >>> truth = np.where(rng.random(200) < happy, "happy", "sad")
    >>> said = pd.DataFrame({"emotion": truth, "happy": happy, "sad": 1 - happy})
    >>> said["speaker"] = np.repeat(list("abcde"), 40)
    >>> sets = prediction_sets(from_predictions(said), level=0.9)
    >>> 0.85 < sets.coverage["value"] < 0.95
    True
    """
    for name, share in (("level", level), ("speakers", speakers)):
        if share is not None and not 0 < share < 1:
            raise ValueError(f"{name} must lie between 0 and 1, not {share}.")
    said = _proper_scoring.answers(result, "make sets of")
    names = _proper_scoring.others(result, "threshold")
    true = said.probabilities[np.arange(len(said.codes)), said.codes]
    true = np.where(said.codes < 0, -np.inf, true)
    if speakers is None:
        thresholds = {s: _lowest(true[said.speakers != s], level) for s in names}
    else:
        thresholds = _for_speakers(true, said.speakers, names, level, speakers)
    return PredictionSets(
        _sets(result, said, thresholds),
        level,
        pd.Series(thresholds, name="threshold").rename_axis("speaker"),
        result.classes,
        speakers,
        _remarks(result, thresholds),
    )


def _lowest(values: np.ndarray, level: float) -> float:
    """Find the threshold that so large a share of values, and a new one, reach."""
    rank = int(np.ceil((len(values) + 1) * level - 1e-9))
    if rank > len(values):
        return 0.0
    return max(float(np.sort(values)[::-1][rank - 1]), 0.0)


def _for_speakers(true, who, names, level: float, share: float) -> dict[str, float]:
    """Find thresholds with which so large a share of speakers reach the level."""
    if np.ceil(len(names) * share - 1e-9) > len(names) - 1:
        most = 1 - 1 / len(names)
        raise ValueError(
            f"With {len(names)} speakers, sets can be made for at most {most:.3g} of "
            f"them, not for {share:g}: speakers={most:.3g} or less."
        )
    own = {name: _reached(true[who == name], level) for name in names}
    return {
        name: _lowest(np.array([own[other] for other in names if other != name]), share)
        for name in names
    }


def _reached(values: np.ndarray, level: float) -> float:
    """Find the threshold that this share of a speaker's own clips reach."""
    return float(np.sort(values)[::-1][int(np.ceil(len(values) * level - 1e-9)) - 1])


def _sets(
    result: Result, said: _proper_scoring.Answers, thresholds: dict
) -> pd.DataFrame:
    limit = np.array([thresholds[name] for name in said.speakers])
    held = said.probabilities >= limit[:, None] - 1e-12
    rows = np.arange(len(held))
    held[rows, said.probabilities.argmax(axis=1)] = True
    order = np.argsort(-said.probabilities, axis=1, kind="stable")
    classes = np.array(result.classes)
    joined = [
        ", ".join(classes[best[inside[best]]])
        for best, inside in zip(order, held, strict=True)
    ]
    return result.predictions[list(FIELDS)].assign(
        set=joined,
        size=held.sum(axis=1),
        covered=held[rows, said.codes] & (said.codes >= 0),
    )


def _remarks(result: Result, thresholds: dict) -> list[str]:
    notes = [
        "No guarantee: a speaker's clips are no random draw from everybody's, and the "
        "next speaker may be harder than all of these."
    ]
    if wide := [name for name, limit in thresholds.items() if limit <= 0]:
        notes.append(
            f"For {len(wide)} speakers the other clips are too few for this level, or "
            "the truth was given no probability: their sets hold every emotion."
        )
    return notes + carried(result)
