"""Check new runs for regressions against old ones, and say which scores fell."""

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sertools import display
from sertools.report._history import Change, changes, everywhere, identity
from sertools.report._page import INTENDED_USE, number
from sertools.report._schema import read_if_there

if TYPE_CHECKING:
    from sertools.evaluation import Result
    from sertools.evaluation._comparison import Comparison

_PREDICTIONS = "predictions.parquet"
_KEYS = ("dataset", "model", "head", "folds", "standardize", "seed")
FELL, DID_NOT, CANNOT_TELL = "fell", "did not fall", "can't tell"
_LEVEL = 0.05
_SAME = 1e-9  # two scores so near are the same
_OLD, _NEW = "the old run", "the new run"
LIMIT = -0.02
"""The difference of the UAR that is put up with, if nobody says otherwise."""
_SHOWN = 6  # changes in a line
_ORDER = (FELL, CANNOT_TELL, DID_NOT)
_HOW = (
    "Tested by exchanging the two runs' answers for whole speakers, on the clips that "
    "both were tested on; intervals are 95 % over speakers."
)


class Run(NamedTuple):
    """A run on disk."""

    folder: Path
    about: dict  # run.json; empty where there is none
    metrics: dict  # metrics.json, likewise
    wrong: str = ""  # which file is damaged, and how

    @property
    def whole(self) -> bool:
        """Whether there are predictions to test."""
        there = (self.folder / _PREDICTIONS).is_file()
        ended_well = self.about.get("status", "ok") == "ok"
        return there and ended_well and not self.wrong

    @property
    def experiment(self) -> tuple:
        """What makes two runs the same: notebook, parameters, corpus and model."""
        heard = tuple(self.metrics.get(key) for key in _KEYS[:2])
        if self.about.get("parameters"):
            return (*identity(self.about), *heard)
        return tuple(self.metrics.get(key) for key in _KEYS)

    def __str__(self) -> str:
        failed = (self.about.get("error") or {}).get("name")
        failed = f"failed: {failed}" if failed else "damaged" if self.wrong else ""
        return self.folder.name + (f" ({failed})" if failed else "")


class Matched(NamedTuple):
    """What belongs together, and what is left."""

    pairs: list[tuple[Run, Run]]  # the old and the new run of an experiment
    only_old: list[Run]
    only_new: list[Run]
    notes: list[str]  # what was passed over


def match(old: str | os.PathLike, new: str | os.PathLike) -> Matched:
    """Pair two runs, or the newest runs of each experiment in two folders of runs."""
    sides = [Path(place).expanduser() for place in (old, new)]
    found = [_runs(side) for side in sides]
    if all(_is_run(side) for side in sides):
        ((first,), (second,)) = found
        for run in (first, second):
            if run.wrong:
                raise ValueError(run.wrong)
            if not run.whole:
                raise ValueError(f"{run.folder}: no result of a run that went well.")
        return Matched([(first, second)], [], [], [])
    damaged = [[run for run in runs if run.wrong] for runs in found]
    found = [[run for run in runs if not run.wrong] for runs in found]
    told = _told_models([run for runs in found for run in runs])
    (before, passed), (after, later) = (_newest(runs, told) for runs in found)
    shared = [
        key for key in before if key in after and before[key].whole and after[key].whole
    ]
    left = [run for key, run in before.items() if key not in shared] + damaged[0]
    right = [run for key, run in after.items() if key not in shared] + damaged[1]
    if not shared:
        raise ValueError(_nothing(sides, left, right))
    notes = [
        f"{n} older {'run' if n == 1 else 'runs'} of the same experiments in {side} "
        f"{'is' if n == 1 else 'are'} passed over: the newest counts."
        for n, side in ((passed, sides[0]), (later, sides[1]))
        if n
    ]
    notes += [run.wrong for runs in damaged for run in runs]
    return Matched([(before[key], after[key]) for key in shared], left, right, notes)


def result_of(run: Run) -> "Result":
    """Load what a run predicted; a ValueError names a run that cannot be read."""
    import pandas as pd

    from sertools import evaluation

    try:
        if run.metrics:
            return evaluation.load(run.folder)
        table = pd.read_parquet(run.folder / _PREDICTIONS)
        return evaluation.from_predictions(table)
    except (OSError, ValueError, KeyError, TypeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        message = f"{run.folder}: its result cannot be read ({first})."
        raise ValueError(message) from error


def _is_run(place: Path) -> bool:
    return any((place / name).is_file() for name in (_PREDICTIONS, "run.json"))


def _runs(place: Path) -> list[Run]:
    if not place.is_dir():
        if place.exists():
            raise ValueError(f"{place} is no folder, so neither a run nor runs.")
        raise FileNotFoundError(f"There is no folder {place}.")
    if _is_run(place):
        return [_read(place)]
    inside = sorted(path for path in place.iterdir() if path.is_dir())
    found = [
        _read(path)
        for path in inside
        if not path.name.startswith(".") and _is_run(path)
    ]
    if not found:
        raise FileNotFoundError(
            f"{place} is neither a run nor a folder of runs: no {_PREDICTIONS} in it, "
            "nor one level below. A run is made by: sertools report NAME --out DIR."
        )
    return found


def _read(folder: Path) -> Run:
    about, wrong = read_if_there(folder / "run.json")
    metrics, damage = read_if_there(folder / "metrics.json")
    return Run(folder, about, metrics, wrong or damage)


def _newest(runs: list[Run], told: Mapping) -> tuple[dict[tuple, Run], int]:
    """Keep the newest run of each experiment, failed or not; count the others."""
    found: dict[tuple, Run] = {}
    for run in sorted(runs, key=lambda run: str(run.about.get("started") or "")):
        own = run.experiment
        found[own if run.whole else told.get(identity(run.about), own)] = run
    ordered = sorted(found.items(), key=lambda item: item[1].folder.name)
    return dict(ordered), len(runs) - len(found)


def _told_models(runs: list[Run]) -> dict[tuple, tuple]:
    """Give the experiment of each identity: a failed run does not know its model."""
    return {
        identity(run.about): run.experiment
        for run in runs
        if run.whole and run.about.get("parameters")
    }


def _nothing(sides, left: list[Run], right: list[Run]) -> str:
    def named(runs):
        return ", ".join(map(str, runs[:5])) + (" ..." if len(runs) > 5 else "")

    return (
        f"Nothing to compare: no run of {sides[0]} was made again in {sides[1]} (same "
        f"notebook, parameters, dataset and model). Only in the first: {named(left)}; "
        f"only in the second: {named(right)}."
    )


@dataclass(frozen=True)
class RegressionVerdict:
    """What can be said of one experiment that was run twice."""

    old: str
    new: str
    subject: str  # corpus, model and head
    answer: str  # FELL, DID_NOT or CANNOT_TELL
    why: str
    uar_old: float | None = None  # on the clips that both were tested on
    uar_new: float | None = None
    difference: float | None = None  # new minus old
    low: float | None = None
    high: float | None = None
    p: float | None = None  # of the permutation test over speakers, two-sided
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


def judge(old: Run, new: Run, limit: float) -> RegressionVerdict:
    """Test whether the UAR fell by more than a limit: a permutation test over speakers.

    Fallen: a larger drop, and p <= 0.05. Not: the 95 % interval leaves no room for one.
    """
    from sertools import evaluation

    results = {_OLD: result_of(old), _NEW: result_of(new)}
    found = evaluation.compare(results)
    numbers = _numbers(found)
    answer, why = _answer(numbers, found, limit, _same_answers(results))
    return RegressionVerdict(
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
    """Write a difference with its sign."""
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
        why = "; ".join(line.rstrip(".") for line in found.untested)
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


def _same_answers(results: dict) -> bool:
    old, new = (r.predictions.set_index("clip")["predicted"] for r in results.values())
    return len(old) == len(new) and old.to_dict() == new.to_dict()


def _subject(run: Run) -> str:
    told = [run.metrics.get(key) for key in ("dataset", "model", "head")]
    return ", ".join(str(word) for word in told if word)


def _p(value: float) -> str:
    return "0.001 or less" if value <= 0.001 else f"{value:.3f}"


@dataclass(frozen=True, repr=False)
class RegressionCheck(display.Display):
    """A regression check: two folders of runs side by side, as a list of answers.

    Parameters
    ----------
    limit : float
        The difference of the UAR that is put up with, 0 or less.
    verdicts : tuple of RegressionVerdict
        One an experiment; those that fell come first.
    only_old, only_new : tuple of str
        Runs that have no counterpart.
    notes : tuple of str
        What a reader must know.
    """

    limit: float
    verdicts: tuple[RegressionVerdict, ...]
    only_old: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fell(self) -> tuple[RegressionVerdict, ...]:
        """Those that fell by more than the limit, and not by chance."""
        return tuple(one for one in self.verdicts if one.answer == FELL)

    @property
    def headline(self) -> str:
        """The whole in a line, such as ``"1 fell, 2 can't tell, 9 did not fall"``."""
        count = {word: 0 for word in _ORDER}
        for one in self.verdicts:
            count[one.answer] += 1
        return ", ".join(f"{n} {word}" for word, n in count.items() if n)

    def as_dict(self) -> dict:
        """Give everything as plain values, for JSON."""
        return {
            "fail_below": self.limit,
            "fell": len(self.fell),
            "pairs": [one.as_dict() for one in self.verdicts],
            "only_old": list(self.only_old),
            "only_new": list(self.only_new),
            "notes": list(self.notes),
        }

    def markdown(self) -> str:
        """Write it for a pull request."""
        lines = [f"### UAR: {self.headline}", "", *_table(self.verdicts), ""]
        for one in self.verdicts:
            if one.answer != DID_NOT or one.notes or one.changes:
                lines += _told(one)
        lines += [f"- {_cell(line)}" for line in self._about()]
        lines += ["", f"{_HOW} Limit {signed(self.limit)}.", "", INTENDED_USE]
        return "\n".join(lines) + "\n"

    def _parts(self):
        yield display.heading(f"UAR: {self.headline} (limit {signed(self.limit)})")
        lines, rows = [], []
        for one in self.verdicts:
            subject, answer = one.subject or one.new, html.escape(one.answer)
            lines.append(f"  {one.answer:12}  {subject}: {one.why}")
            lines += [f"{'':16}{line}" for line in _more(one)]
            rows.append(
                f"<tr><td><b>{answer}</b></td><td>{html.escape(subject)}</td>"
                f"<td style='text-align:left'>{html.escape(one.why)}</td></tr>"
            )
        table = f"<table aria-label='Runs'>{''.join(rows)}</table>"
        yield display.Part(lines, table)
        about = display.notes(self._about())
        yield about._replace(html=about.html or "<ul></ul>")
        yield display.Part([_HOW], f"<p>{_HOW}</p>")

    def _about(self) -> list[str]:
        sides = (("old", self.only_old), ("new", self.only_new))
        lines = [f"Only in the {side}: {', '.join(w)}." for side, w in sides if w]
        return [*lines, *self.notes]


def check_regressions(
    old: str | os.PathLike, new: str | os.PathLike, fail_below: float = LIMIT
) -> RegressionCheck:
    """Check for regressions: hold new runs against old ones, say which scores fell.

    Parameters
    ----------
    old, new : path-like
        A run, or a folder of runs; those of the same notebook, parameters,
        corpus and model are compared.
    fail_below : float, default -0.02
        The difference of the UAR that is put up with, 0 or less.

    Returns
    -------
    RegressionCheck
        Shows itself as a list of answers.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no run in it.
    ValueError
        If the limit is more than 0, nothing can be compared, or the result of
        one of two single runs cannot be read.
    """
    if not -1 <= fail_below <= 0:
        raise ValueError(
            f"The limit is a difference of the UAR from -1 to 0, such as -0.02, not "
            f"{fail_below:g}."
        )
    found = match(old, new)
    single = len(found.pairs) == 1 and not (found.only_old or found.only_new)
    verdicts = [_judged(*pair, fail_below, single) for pair in found.pairs]
    verdicts.sort(key=lambda one: (_ORDER.index(one.answer), one.subject, one.new))
    verdicts, common = _common(verdicts)
    return RegressionCheck(
        fail_below,
        tuple(verdicts),
        tuple(map(str, found.only_old)),
        tuple(map(str, found.only_new)),
        (*common, *found.notes, *_many(verdicts)),
    )


def _judged(old: Run, new: Run, limit: float, single: bool) -> RegressionVerdict:
    try:
        return judge(old, new, limit)
    except ValueError as error:
        if single:
            raise
        names = (old.folder.name, new.folder.name)
        return RegressionVerdict(*names, new.folder.name, CANNOT_TELL, str(error))


def _common(
    verdicts: list[RegressionVerdict],
) -> tuple[list[RegressionVerdict], list[str]]:
    """Say once what goes for all experiments, where there are several."""
    notes = everywhere([one.notes for one in verdicts])
    moved = everywhere([one.changes for one in verdicts])
    lighter = [
        replace(
            one,
            notes=tuple(note for note in one.notes if note not in notes),
            changes=tuple(change for change in one.changes if change not in moved),
        )
        for one in verdicts
    ]
    said = [f"Changed everywhere: {_listed(moved)}."] if moved else []
    return lighter, [*said, *notes]


def _listed(changes: Sequence[Change]) -> str:
    shown = ", ".join(map(str, changes[:_SHOWN]))
    rest = len(changes) - _SHOWN
    return shown + (f" and {rest} more" if rest > 0 else "")


def _many(verdicts: list[RegressionVerdict]) -> list[str]:
    tested = sum(one.p is not None and one.p < 1 for one in verdicts)
    if tested < 2:
        return []
    return [
        f"{tested} experiments were tested, each by itself: the more there are, the "
        "likelier that one is called fallen by chance (at most 2.5 % each)."
    ]


def _table(verdicts: tuple[RegressionVerdict, ...]) -> list[str]:
    lines = [
        "| | run | UAR before | now | difference [95 %] | p |",
        "|---|---|---|---|---|---|",
    ]
    for one in verdicts:
        word = f"**{one.answer}**" if one.answer == FELL else one.answer
        reach = f" [{signed(one.low)}, {signed(one.high)}]" if one.p is not None else ""
        cells = (
            word,
            one.subject or one.new,
            number(one.uar_old),
            number(one.uar_new),
            signed(one.difference) + reach,
            number(one.p) if one.p is not None else "",
        )
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return lines


def _told(one: RegressionVerdict) -> list[str]:
    lines = [f"- **{_cell(one.subject or one.new)}**: {_cell(one.why)}"]
    return lines + [f"  - {_cell(line)}" for line in _more(one)]


def _more(one: RegressionVerdict) -> list[str]:
    """Say what is different besides, and what a reader must know."""
    changed = [f"changed: {_listed(one.changes)}"] if one.changes else []
    return [*changed, *one.notes]


def _cell(text: str) -> str:
    """Escape what a Markdown table or a page would take for something else."""
    for sign in "|<>`":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
