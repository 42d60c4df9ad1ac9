"""Had a model heard the test before? Its training data against the clips' corpora."""

import html
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from sertools import models

__all__ = ["Pretraining", "heard_before", "overlap"]

_UNNAMED = ("folder", "table")  # corpora of one's own, of whatever origin


@dataclass(frozen=True, repr=False)
class Pretraining:
    """Whether a model may have heard the very clips that it is tested on.

    Parameters
    ----------
    model : str
        Its name.
    answer : {"yes", "no", "unknown"}
        In a word.
    corpora : tuple of str
        Those that are in its training data and among the clips.
    reason : str
        In a sentence.
    """

    model: str
    answer: str
    corpora: tuple[str, ...]
    reason: str

    def __repr__(self) -> str:
        return f"Pretraining overlap: {self.answer}. {self.reason}"

    def _repr_html_(self) -> str:
        answer, reason = html.escape(self.answer), html.escape(self.reason)
        return f"<p><b>Pretraining overlap: {answer}.</b> {reason}</p>"


def heard_before(
    model, clips: pd.DataFrame, further: Collection[str] = ()
) -> Pretraining:
    """Say whether a model's training data include what it is to be tested on.

    Parameters
    ----------
    model : Model or str
        A system, or its name.
    clips : DataFrame
        A clips table.
    further : collection of str
        Corpora that the clips are known to come from besides.

    Returns
    -------
    Pretraining
        Yes, no or unknown, and why: as far as its makers told.

    Raises
    ------
    ValueError
        If there is no such system.

    Examples
    --------
    >>> from sertools import datasets
    >>> heard_before("opensmile", datasets.load("demo")).answer
    'no'
    """
    model = models.load(model) if isinstance(model, str) else model
    tested = set(clips["dataset"].dropna()) | set(further)
    return overlap(model.label, model.training_corpora, tested)


def overlap(
    model: str, trained_on: Collection[str] | None, tested_on: Collection[str]
) -> Pretraining:
    """Compare what a model was trained on with what it is tested on.

    Parameters
    ----------
    model : str
        Its name, to show.
    trained_on : collection of str or None
        Corpora in its training data; ``None`` where nobody can say.
    tested_on : collection of str
        Corpora of the clips.

    Returns
    -------
    Pretraining
        Yes, no or unknown, and why.

    Examples
    --------
    >>> overlap("heavy", ("crema_d", "emodb"), {"emodb"}).answer
    'yes'
    >>> overlap("opensmile", (), {"emodb"}).answer
    'no'
    """
    if trained_on is None:
        return Pretraining(
            model,
            "unknown",
            (),
            f"Nobody can say which recordings {model} was trained on: if these were "
            "among them, the score flatters it.",
        )
    if both := sorted(set(trained_on) & set(tested_on)):
        return Pretraining(
            model,
            "yes",
            tuple(both),
            f"{model} was trained on data that includes {', '.join(both)}: it may have "
            "heard these very clips, and the score flatters it.",
        )
    if trained_on and (own := sorted(set(tested_on) & set(_UNNAMED))):
        named = ", ".join(sorted(trained_on))
        return Pretraining(
            model,
            "unknown",
            (),
            f"{model} was trained on {named}; whether clips of {', '.join(own)} come "
            "from there, only you can say.",
        )
    told = ", ".join(sorted(trained_on)) or "none of the corpora known here"
    reason = f"{model} was trained on {told}, as far as its makers told."
    return Pretraining(model, "no", (), reason)
