"""What is in a clips table, at a glance: who speaks, and how often of which emotion."""

import html
from dataclasses import dataclass

import pandas as pd

from sertools import display, labels
from sertools.datasets._registry import get, names
from sertools.metadata import ClipsMetadata

_WIDTH = 24  # characters of the longest bar

_BAR = (
    "display:inline-block;vertical-align:middle;height:.8em;border-radius:2px;"
    "background:{colour};width:{width:.1f}em"
)


@dataclass(frozen=True, repr=False)
class Overview(display.Display):
    """What is in a clips table; shows itself as a few lines, or a table with bars.

    Parameters
    ----------
    corpora : tuple of str
        Their names.
    n_clips : int
        How many clips.
    n_speakers : int or None
        How many speakers; ``None`` where any clip's is unknown.
    sexes : dict of str to int
        Speakers of each sex, as far as known.
    emotions : DataFrame
        One row an emotion: ``n_clips``, ``n_speakers`` and, of the speakers that
        have any, ``fewest`` and ``most`` clips.
    notes : tuple of str
        What a reader must know: synthetic speech, and what was left out.
    """

    corpora: tuple[str, ...]
    n_clips: int
    n_speakers: int | None
    sexes: dict[str, int]
    emotions: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _parts(self):
        yield display.heading(self._head(), bold=True)
        most, wide = self.emotions["n_clips"].max(), max(map(len, self.emotions.index))
        lines = [
            f"  {row.Index:{wide}}  {row.n_clips:>5}  "
            + "█" * max(round(_WIDTH * row.n_clips / most), 1)
            for row in self.emotions.itertuples()
        ]
        rows = "".join(_row(row, most) for row in self.emotions.itertuples())
        sides = {"clips": "right"}
        heads = "".join(
            f"<th style='text-align:{sides.get(head, 'left')}'>{head}</th>"
            for head in ("emotion", "clips", "share", "a speaker has")
        )
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        yield display.Part(lines, display.headed(table, "Clips of each emotion"))
        yield display.notes(self.notes)

    def _head(self) -> str:
        who = "speakers unknown" if self.n_speakers is None else _speakers(self)
        n = len(self.emotions)
        return (
            f"{', '.join(self.corpora)}: {self.n_clips} clip{'s' * (self.n_clips != 1)}"
            f", {who}, {n} emotion{'s' * (n != 1)}"
        )


def overview(clips: pd.DataFrame) -> Overview:
    """Say what is in a clips table: corpora, speakers, clips of each emotion.

    Parameters
    ----------
    clips : DataFrame
        A clips table, or part of one.

    Returns
    -------
    Overview
        A few lines in a terminal, a table with bars in a notebook.

    Raises
    ------
    ValueError
        If there are no clips, or there is no column ``emotion``.

    Examples
    --------
    >>> from sertools import datasets
    >>> overview(datasets.select(datasets.load("demo"), "angry,sad"))
    demo: 64 clips, 8 speakers (4 female, 4 male), 2 emotions
      angry     32  ████████████████████████
      sad       32  ████████████████████████
      Synthetic speech: it shows how everything works, and nothing about people.
      128 clips left out: emotion not asked for.
    """
    if "emotion" not in clips:
        raise ValueError("This is no clips table: it has no column 'emotion'.")
    if not len(clips):
        raise ValueError("This clips table is empty.")
    corpora = ("table",)
    if "dataset" in clips:
        corpora = tuple(sorted(clips["dataset"].dropna().unique())) or corpora
    speaker = clips["speaker"] if "speaker" in clips else pd.Series(dtype=str)
    known = len(speaker) == len(clips) and speaker.notna().all()
    return Overview(
        corpora,
        len(clips),
        speaker.nunique() if known else None,
        _sexes(clips) if known and "sex" in clips else {},
        _emotions(clips, known),
        tuple(_notes(clips, corpora)),
    )


def _sexes(clips: pd.DataFrame) -> dict[str, int]:
    people = clips.drop_duplicates("speaker")["sex"].dropna()
    return {str(sex): int(n) for sex, n in people.value_counts().sort_index().items()}


def _emotions(clips: pd.DataFrame, known: bool) -> pd.DataFrame:
    table = clips["emotion"].value_counts().sort_index().to_frame("n_clips")
    table.index.name = "emotion"
    for column in ("n_speakers", "fewest", "most"):
        table[column] = pd.NA
    if known:
        each = clips.groupby(["emotion", "speaker"]).size().groupby("emotion")
        table["n_speakers"], table["fewest"] = each.size(), each.min()
        table["most"] = each.max()
    return table


def _notes(clips: pd.DataFrame, corpora: tuple[str, ...]) -> list[str]:
    notes = []
    if any(name in names() and get(name).synthetic for name in corpora):
        told = "it shows how everything works, and nothing about people."
        notes.append(f"Synthetic speech: {told}")
    facts = ClipsMetadata.of(clips)
    notes += [
        f"{n} clip{'s' * (n != 1)} left out: {why}."
        for why, n in facts.filtered.items()
    ]
    notes += facts.notes
    if excluded := facts.excluded:
        first = excluded[0]
        n = len(excluded)
        notes.append(
            f"{n} file{'s' * (n != 1)} not used, the first: {first['clip']} "
            f"({first['reason']})."
        )
    return notes


def _speakers(told: Overview) -> str:
    n = told.n_speakers
    sexes = ", ".join(f"{n} {sex}" for sex, n in told.sexes.items())
    return f"{n} speaker{'s' * (n != 1)}" + (f" ({sexes})" if sexes else "")


def _row(row, most: int) -> str:
    style = _BAR.format(
        colour=labels.colour(row.Index), width=max(12 * row.n_clips / most, 0.2)
    )
    each = ""
    if not pd.isna(row.fewest):
        each = f"{row.fewest}" + (f" to {row.most}" if row.most > row.fewest else "")
    left = "style='text-align:left'"
    return (
        f"<tr><th {left}>{html.escape(row.Index)}</th>"
        f"<td style='text-align:right'>{row.n_clips}</td>"
        f"<td {left}><span style='{style}'></span></td><td {left}>{each}</td></tr>"
    )
