"""What was recorded, in memory only, and what a model makes of it."""

import html
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from sertools import audio, features
from sertools.widgets import sounds

__all__ = [
    "FACTS",
    "RANDOM",
    "SILENT",
    "SPEECHLESS",
    "Take",
    "as_html",
    "described",
    "line",
    "pictured",
    "take",
    "told",
]

SILENT = "silent: nothing to hear"
SPEECHLESS = "no speech is heard in it"
RANDOM = "random weights: no answer here means anything"

FACTS = ("time", "name", "seconds", "verdict")
"""What a line of the history says beside the scores."""

COLUMNS = 720
"""Waveform and spectrogram are so wide at most: more than a page shows."""


@dataclass(frozen=True)
class Take:
    """One recording and its scores; nothing of it is on disk.

    Parameters
    ----------
    name : str
        The file's name, or "recording".
    waveform : ndarray of shape (t,), float32
        Mono, at `rate`.
    rate : int
        Hz, as the model hears.
    stretches : DataFrame
        As `sertools.features.verdicts` gives: one row for all of it, or one a
        stretch of speech.
    scores : dict of str to float, or None
        The best first; of several stretches the mean, weighted by their length.
    verdict : str
        The emotion, "not sure", or why there are no scores.
    notes : list of str
        What else is worth knowing.
    time : datetime
        When.
    """

    name: str
    waveform: np.ndarray
    rate: int
    stretches: pd.DataFrame
    scores: dict[str, float] | None
    verdict: str
    notes: list[str]
    time: datetime = field(default_factory=datetime.now)

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.waveform) / self.rate


def take(model, source, sr: int | None, name: str, notes: list[str]) -> Take:
    """Score a recording as `sertools.features.timeline` does.

    Raises
    ------
    FileNotFoundError, ValueError
        As `sertools.audio.load` does.
    """
    try:
        waveform = audio.load(source, model.sampling_rate, sr=sr)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("array: ")) from error
    table = features.timeline(model, waveform, progress=False)
    scores = _mean(table, [str(name) for name in model.classes_])
    if scores:
        verdict = features.verdict(scores)
    else:
        verdict = SILENT if audio.is_silent(waveform) else SPEECHLESS
    stretches = features.verdicts(table)
    rate = model.sampling_rate
    return Take(name, waveform, rate, stretches, scores, verdict, notes)


def _mean(table: pd.DataFrame, classes: list[str]) -> dict[str, float] | None:
    if table.empty:
        return None
    means = np.average(table[classes], axis=0, weights=table["end"] - table["start"])
    pairs = zip(classes, map(float, means), strict=True)
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def line(take: Take) -> dict:
    """Give what a table of the recordings says of one: everything but its sound."""
    return {
        "time": take.time,
        "name": take.name,
        "seconds": round(take.seconds, 2),
        "verdict": take.verdict,
        **(take.scores or {}),
    }


def told(line: dict) -> dict:
    """Give the same for the page."""
    names = [name for name in line if name not in FACTS]
    best = max(names, key=line.get, default="")
    return {
        "time": f"{line['time']:%H:%M:%S}",
        "name": line["name"],
        "seconds": line["seconds"],
        "verdict": line["verdict"],
        "best": f"{best} {line[best]:.2f}" if best else "",
    }


def described(take: Take) -> dict:
    """Give what the page shows of a recording, its sound and picture aside."""
    columns = ["start", "end", "emotion", "verdict", "probability"]
    return {
        "name": take.name,
        "seconds": take.seconds,
        "verdict": take.verdict,
        "why": _why(take),
        "scores": list((take.scores or {}).items()),
        "stretches": take.stretches[columns].to_numpy(dtype=object).tolist(),
        "notes": take.notes,
    }


def pictured(take: Take) -> tuple[dict, list[bytes]]:
    """Give a recording's spectrogram in shades, and its waveform's outline.

    The outline is the lowest and the highest sample of each column, in 1/127.
    """
    shades = sounds.shades(
        audio.load(take.waveform, sounds.RATE, sr=take.rate), COLUMNS
    )
    starts = np.linspace(0, len(take.waveform), COLUMNS, endpoint=False).astype(int)
    starts = np.unique(starts)
    edges = [
        extreme.reduceat(take.waveform, starts) for extreme in (np.minimum, np.maximum)
    ]
    outline = np.rint(127 * np.clip(edges, -1, 1)).astype(np.int8)
    bands, columns = shades.shape
    return (
        {"bands": bands, "columns": columns, "outline": len(starts)},
        [shades.tobytes(), outline.tobytes()],
    )


def _why(take: Take) -> str:
    """Say in words how sure the verdict is."""
    if not take.scores:
        return ""
    (best, high), (second, low) = [*take.scores.items(), ("nothing", 0.0)][:2]
    if take.verdict == features.NOT_SURE:
        why = f"{best} {high:.2f} is too little ahead of {second} {low:.2f}"
    else:
        why = f"{high:.2f}, then {second} {low:.2f}"
    if take.verdict == "other":
        why += "; none of the emotions it knows, or no speech like it has heard"
    if len(take.stretches) > 1:
        why = f"mean over {len(take.stretches)} stretches of speech: {why}"
    return why


def as_html(take: Take) -> str:
    """Give verdict and scores for a page without Python; no sound."""
    rows = "".join(
        f"<tr><th scope='row' style='text-align:left'>{html.escape(name)}</th>"
        f"<td>{score:.2f}</td></tr>"
        for name, score in (take.scores or {}).items()
    )
    about = f"{html.escape(take.name)}, {take.seconds:.1f} s"
    verdict = f"<p>{about}: <b>{html.escape(take.verdict)}</b></p>"
    table = f"<table aria-label='Scores of {about}'><tbody>{rows}</tbody></table>"
    return verdict + (table if rows else "")
