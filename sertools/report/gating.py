"""Hold new runs against old ones: which scores fell by more than is put up with."""

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .changes import Change
from .frame import number
from .judging import CANNOT_TELL, DID_NOT, FELL, Verdict, judge, signed
from .page import INTENDED_USE
from .pairing import Run, match

__all__ = ["LIMIT", "Gate", "gate"]

LIMIT = -0.02
"""The difference of the UAR that is put up with, if nobody says otherwise."""

_SHOWN = 6  # changes in a line
_ORDER = (FELL, CANNOT_TELL, DID_NOT)
_HOW = (
    "Tested by exchanging the two runs' answers for whole speakers, on the clips that "
    "both were tested on; intervals are 95 % over speakers."
)


@dataclass(frozen=True, repr=False)
class Gate:
    """Two folders of runs side by side; shows itself as a list of answers.

    Parameters
    ----------
    limit : float
        The difference of the UAR that is put up with, 0 or less.
    verdicts : tuple of Verdict
        One an experiment; those that fell come first.
    only_old, only_new : tuple of str
        Runs that have no counterpart.
    notes : tuple of str
        What a reader must know.
    """

    limit: float
    verdicts: tuple[Verdict, ...]
    only_old: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fell(self) -> tuple[Verdict, ...]:
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

    def __repr__(self) -> str:
        lines = [f"UAR: {self.headline} (limit {signed(self.limit)})"]
        for one in self.verdicts:
            lines.append(f"  {one.answer:12}  {one.subject or one.new}: {one.why}")
            lines += [f"{'':16}{line}" for line in _more(one)]
        return "\n".join([*lines, *(f"  {line}" for line in self._about()), _HOW])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><b>{html.escape(one.answer)}</b></td><td>"
            f"{html.escape(one.subject or one.new)}</td>"
            f"<td style='text-align:left'>{html.escape(one.why)}</td></tr>"
            for one in self.verdicts
        )
        said = "".join(f"<li>{html.escape(line)}</li>" for line in self._about())
        head = html.escape(f"UAR: {self.headline} (limit {signed(self.limit)})")
        table = f"<table aria-label='Runs'>{rows}</table>"
        return f"<p>{head}</p>{table}<ul>{said}</ul><p>{_HOW}</p>"

    def _about(self) -> list[str]:
        sides = (("old", self.only_old), ("new", self.only_new))
        lines = [f"Only in the {side}: {', '.join(w)}." for side, w in sides if w]
        return [*lines, *self.notes]


def gate(
    old: str | os.PathLike, new: str | os.PathLike, fail_below: float = LIMIT
) -> Gate:
    """Hold new runs against old ones, and say which scores fell.

    Parameters
    ----------
    old, new : path-like
        A run, or a folder of runs; those of the same notebook, parameters,
        corpus and model are compared.
    fail_below : float, default -0.02
        The difference of the UAR that is put up with, 0 or less.

    Returns
    -------
    Gate
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
    return Gate(
        fail_below,
        tuple(verdicts),
        tuple(map(str, found.only_old)),
        tuple(map(str, found.only_new)),
        (*common, *found.notes, *_many(verdicts)),
    )


def _judged(old: Run, new: Run, limit: float, single: bool) -> Verdict:
    try:
        return judge(old, new, limit)
    except ValueError as error:
        if single:
            raise
        names = (old.folder.name, new.folder.name)
        return Verdict(*names, new.folder.name, CANNOT_TELL, str(error))


def _common(verdicts: list[Verdict]) -> tuple[list[Verdict], list[str]]:
    """Say once what goes for all experiments, where there are several."""
    if len(verdicts) < 2:
        return verdicts, []
    first = verdicts[0]
    notes = [n for n in first.notes if all(n in one.notes for one in verdicts)]
    moved = [c for c in first.changes if all(c in one.changes for one in verdicts)]
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


def _many(verdicts: list[Verdict]) -> list[str]:
    tested = sum(one.p is not None and one.p < 1 for one in verdicts)
    if tested < 2:
        return []
    return [
        f"{tested} experiments were tested, each by itself: the more there are, the "
        "likelier that one is called fallen by chance (at most 2.5 % each)."
    ]


def _table(verdicts: tuple[Verdict, ...]) -> list[str]:
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


def _told(one: Verdict) -> list[str]:
    lines = [f"- **{_cell(one.subject or one.new)}**: {_cell(one.why)}"]
    return lines + [f"  - {_cell(line)}" for line in _more(one)]


def _more(one: Verdict) -> list[str]:
    """Say what is different besides, and what a reader must know."""
    changed = [f"changed: {_listed(one.changes)}"] if one.changes else []
    return [*changed, *one.notes]


def _cell(text: str) -> str:
    """Escape what a Markdown table or a page would take for something else."""
    for sign in "|<>`":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
