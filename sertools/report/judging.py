"""Did a score fall? Three answers: it fell, it did not, it can't be told."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .changes import Change, changes
from .frame import number
from .pairing import Run, result_of

if TYPE_CHECKING:
    from sertools.evaluation import Comparison

__all__ = ["CANNOT_TELL", "DID_NOT", "FELL", "Verdict", "judge", "signed"]

FELL, DID_NOT, CANNOT_TELL = "fell", "did not fall", "can't tell"

_LEVEL = 0.05
_SAME = 1e-9  # two scores so near are the same
_OLD, _NEW = "the old run", "the new run"


@dataclass(frozen=True)
class Verdict:
    """What can be said of one experiment that was run twice.

    Parameters
    ----------
    old, new : str
        Names of the runs.
    subject : str
        Corpus, model and head.
    answer : {"fell", "did not fall", "can't tell"}
        Whether the UAR fell by more than the limit.
    why : str
        One sentence.
    uar_old, uar_new : float or None
        On the clips that both were tested on.
    difference, low, high : float or None
        New minus old, with its 95 % interval over speakers.
    p : float or None
        Of the exchange of whole speakers, two-sided.
    n_clips, n_speakers : int or None
        What was compared.
    notes : tuple of str
        What was left out, and what a reader must know.
    changes : tuple of Change
        What is different besides.
    """

    old: str
    new: str
    subject: str
    answer: str
    why: str
    uar_old: float | None = None
    uar_new: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n_clips: int | None = None
    n_speakers: int | None = None
    notes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    def as_dict(self) -> dict:
        """Give everything as plain values, for JSON."""
        told = asdict(self)
        told["notes"] = list(self.notes)
        told["changes"] = [change._asdict() for change in self.changes]
        return told


def judge(old: Run, new: Run, limit: float) -> Verdict:
    """Say whether the UAR fell from one run to another by more than a limit.

    It fell if the drop is larger than the limit and exchanging whole speakers
    says that it is more than chance (p of 0.05 or less). It did not fall if the
    95 % interval over speakers leaves no room for such a drop. Anything else
    can't be told; so it is with five speakers or fewer, and where nobody knows
    who speaks.

    Parameters
    ----------
    old, new : Run
        The runs, with predictions.
    limit : float
        The difference of the UAR that is still put up with, 0 or less.

    Returns
    -------
    Verdict
        With the reason.

    Raises
    ------
    ValueError
        If the results cannot be read, or have nothing in common.
    """
    from sertools import evaluation

    results = {_OLD: result_of(old), _NEW: result_of(new)}
    found = evaluation.compare(results)
    numbers = _numbers(found)
    answer, why = _answer(numbers, found, limit, _same_answers(results))
    return Verdict(
        old.folder.name,
        new.folder.name,
        _subject(new),
        answer,
        why,
        **numbers,
        n_clips=found.n_clips,
        n_speakers=found.n_speakers,
        notes=tuple(found.notes),
        changes=tuple(changes(old.about, new.about)),
    )


def signed(value: float | None) -> str:
    """Write a difference with its sign.

    Examples
    --------
    >>> signed(0.0123), signed(-0.1)
    ('+0.012', '-0.100')
    """
    return "" if value is None else f"{round(value, 3) + 0.0:+.3f}"


def _numbers(found: "Comparison") -> dict[str, float | None]:
    uar = found.models["uar"]
    numbers = {
        "uar_old": float(uar[_OLD]),
        "uar_new": float(uar[_NEW]),
        "difference": float(uar[_NEW] - uar[_OLD]),
        **dict.fromkeys(("low", "high", "p")),
    }
    if found.pairs.empty or found.pairs["p"].isna().any():
        return numbers
    row = found.pairs.iloc[0]
    low, high = float(row["low"]), float(row["high"])
    turned = row["a"] == _OLD  # pairs are a minus b
    numbers |= {"low": -high, "high": -low} if turned else {"low": low, "high": high}
    return {**numbers, "p": float(row["p"])}


def _answer(numbers, found, limit: float, same: bool) -> tuple[str, str]:
    moved, low, high, p = (numbers[k] for k in ("difference", "low", "high", "p"))
    if same:
        return DID_NOT, "The answers to all clips are the same."
    if p is None:
        why = "; ".join(line.rstrip(".") for line in _hindrances(found))
        return CANNOT_TELL, f"{signed(moved)}. {why}."
    size = f"{signed(moved)} [{signed(low)}, {signed(high)}]"
    real = p <= _LEVEL
    if moved < limit - _SAME and real:
        return (
            FELL,
            f"{size}, p = {_p(p)}: more than {number(-limit)}, and no accident.",
        )
    if low >= limit - _SAME or (moved >= 0 and real):
        return DID_NOT, f"{size}: no room for a drop of more than {number(-limit)}."
    return CANNOT_TELL, (
        f"{size}, p = {_p(p)}: a drop of more than {number(-limit)} is neither shown "
        "nor ruled out."
    )


def _hindrances(found: "Comparison") -> list[str]:
    """Say why no test was possible."""
    words = ("cannot be tested", "can be tested", "too few to test", "may be ranked")
    known = [note for note in found.notes if any(word in note for word in words)]
    return known or ["The difference cannot be tested"]


def _same_answers(results: dict) -> bool:
    old, new = (r.predictions.set_index("clip")["predicted"] for r in results.values())
    return len(old) == len(new) and old.to_dict() == new.to_dict()


def _subject(run: Run) -> str:
    told = [run.metrics.get(key) for key in ("dataset", "model", "head")]
    return ", ".join(str(word) for word in told if word)


def _p(value: float) -> str:
    return "0.001 or less" if value <= 0.001 else f"{value:.3f}"
