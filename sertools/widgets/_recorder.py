"""Recorder: record in the browser or drop a file, and see what a model makes of it."""

import html
import io
import os
from dataclasses import dataclass, field
from datetime import datetime
from numbers import Real
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile
import traitlets

from sertools import audio, features, files, intended_use, models
from sertools.models.base import Classifier
from sertools.widgets import _players
from sertools.widgets._base import Widget, coloured
from sertools.widgets._scripts import script, style

SILENT = "silent: nothing to hear"
SPEECHLESS = "no speech is heard in it"
RANDOM = "random weights: no answer here means anything"
FACTS = ("time", "name", "seconds", "verdict")
"""What a line of the history says beside the scores."""
_COLUMNS = 720  # waveform and spectrogram are so wide at most: more than a page shows
_PIECE = 1_000_000  # bytes; sound travels in pieces that every server lets through
_MOST = 500_000_000  # bytes; what is longer had better not travel through a page
_CLIPPED = (
    "Too loud at times: samples are cut off at the limit, which changes how it "
    "sounds. Go farther from the microphone, or turn its level down."
)
_LOST = "A piece was lost on the way to Python. Try it again."
_DECODED = "Decoded by the browser: libsndfile, which reads files here, cannot."


@dataclass(frozen=True)
class Recording:
    """One recording and its scores, the best first; nothing of it is on disk.

    The waveform is mono at the model's rate. `stretches` are decisions as
    `sertools.features.decisions` gives; `scores` their mean, weighted by length, and
    None where nothing was heard; `verdict` is the emotion, "not sure", or why there
    are no scores.
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


def score_recording(
    model, source, sr: int | None, name: str, notes: list[str]
) -> Recording:
    """Score a recording as `sertools.features.timeline` does."""
    try:
        waveform = audio.load(source, model.sampling_rate, sr=sr)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("array: ")) from error
    table = features.timeline(model, waveform, progress=False)
    scores = _mean(table, [str(name) for name in model.classes_])
    if scores:
        verdict = features.decide(scores)
    else:
        verdict = SILENT if audio.is_silent(waveform) else SPEECHLESS
    stretches = features.decisions(table)
    rate = model.sampling_rate
    return Recording(name, waveform, rate, stretches, scores, verdict, notes)


def _mean(table: pd.DataFrame, classes: list[str]) -> dict[str, float] | None:
    if table.empty:
        return None
    means = np.average(table[classes], axis=0, weights=table["end"] - table["start"])
    pairs = zip(classes, map(float, means), strict=True)
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def history_row(recording: Recording) -> dict:
    """Give what a table of the recordings says of one: everything but its sound."""
    return {
        "time": recording.time,
        "name": recording.name,
        "seconds": round(recording.seconds, 2),
        "verdict": recording.verdict,
        **(recording.scores or {}),
    }


def row_for_page(line: dict) -> dict:
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


def recording_for_page(recording: Recording) -> dict:
    """Give what the page shows of a recording, its sound and picture aside."""
    columns = ["start", "end", "emotion", "verdict", "probability"]
    return {
        "name": recording.name,
        "seconds": recording.seconds,
        "verdict": recording.verdict,
        "why": _why(recording),
        "scores": list((recording.scores or {}).items()),
        "stretches": recording.stretches[columns].to_numpy(dtype=object).tolist(),
        "notes": recording.notes,
    }


def recording_picture(recording: Recording) -> tuple[dict, list[bytes]]:
    """Give a recording's spectrogram in shades, and its waveform's outline.

    The outline is the lowest and the highest sample of each column, in 1/127.
    """
    shades = _players.shades(
        audio.load(recording.waveform, _players.RATE, sr=recording.rate), _COLUMNS
    )
    waveform = recording.waveform
    starts = np.linspace(0, len(waveform), _COLUMNS, endpoint=False).astype(int)
    starts = np.unique(starts)
    edges = [each.reduceat(waveform, starts) for each in (np.minimum, np.maximum)]
    outline = np.rint(127 * np.clip(edges, -1, 1)).astype(np.int8)
    bands, columns = shades.shape
    return (
        {"bands": bands, "columns": columns, "outline": len(starts)},
        [shades.tobytes(), outline.tobytes()],
    )


def _why(recording: Recording) -> str:
    """Say in words how sure the verdict is."""
    if not recording.scores:
        return ""
    (best, high), (second, low) = [*recording.scores.items(), ("nothing", 0.0)][:2]
    if recording.verdict == features.NOT_SURE:
        why = f"{best} {high:.2f} is too little ahead of {second} {low:.2f}"
    else:
        why = f"{high:.2f}, then {second} {low:.2f}"
    if recording.verdict == "other":
        why += "; none of the emotions it knows, or no speech like it has heard"
    if len(recording.stretches) > 1:
        why = f"mean over {len(recording.stretches)} stretches of speech: {why}"
    return why


def as_html(recording: Recording) -> str:
    """Give verdict and scores for a page without Python; no sound."""
    rows = "".join(
        f"<tr><th scope='row' style='text-align:left'>{html.escape(name)}</th>"
        f"<td>{score:.2f}</td></tr>"
        for name, score in (recording.scores or {}).items()
    )
    about = f"{html.escape(recording.name)}, {recording.seconds:.1f} s"
    verdict = f"<p>{about}: <b>{html.escape(recording.verdict)}</b></p>"
    table = f"<table aria-label='Scores of {about}'><tbody>{rows}</tbody></table>"
    return verdict + (table if rows else "")


class Recorder(Widget):
    """A recorder that scores what it hears; see `recorder`."""

    _esm = script("recorder.js")
    _css = style("recorder")

    # Synced traits are saved with a notebook's widgets: no sound, no scores here.
    _turn = traitlets.Int().tag(sync=True)
    _about = traitlets.Dict().tag(sync=True)

    scores = traitlets.Dict(allow_none=True, default_value=None)

    def __init__(self, model: Classifier | str, longest: float = 60.0):
        if not isinstance(longest, Real) or not longest > 0:
            raise ValueError(
                f"longest is a positive number of seconds, not {longest!r}."
            )
        self.model = models.load(model) if isinstance(model, str) else model
        _refuse_what_cannot_score(self.model)
        self._recording: Recording | None = None
        self._wav = b""
        self._past: list[dict] = []
        self._coming: dict[str, bytearray] = {}
        super().__init__(
            _about={
                "longest": float(longest),
                "piece": _PIECE,
                "most": _MOST,
                "model": self.model.label,
                "random": RANDOM if self.model.random_weights else "",
                "use": intended_use.LINE,
                "page": intended_use.paragraphs(),
            },
            _emotions=[coloured(str(name)) for name in self.model.classes_],
        )

    @property
    def waveform(self) -> np.ndarray | None:
        """What was heard last: (t,) float32 at the model's rate; None if nothing."""
        return None if self._recording is None else self._recording.waveform

    @property
    def verdict(self) -> str | None:
        """What the scores amount to: an emotion, "not sure", or why there are none."""
        return None if self._recording is None else self._recording.verdict

    @property
    def stretches(self) -> pd.DataFrame | None:
        """The verdicts stretch by stretch, as `sertools.features.decisions` gives."""
        return None if self._recording is None else self._recording.stretches

    @property
    def history(self) -> pd.DataFrame:
        """All that was recorded here so far, a row each; without sound."""
        columns = [*FACTS, *map(str, self.model.classes_)]
        return pd.DataFrame(self._past, columns=columns)

    def hear(
        self, source: str | os.PathLike | npt.ArrayLike, sr: int | None = None
    ) -> None:
        """Score a file or samples, as if they were recorded in the page.

        Parameters
        ----------
        source : path or array-like
            What `sertools.audio.load` takes.
        sr : int, optional
            Rate of an array, in Hz; the model's if not given.

        Raises
        ------
        FileNotFoundError, ValueError
            As `sertools.audio.load` does.
        """
        named = isinstance(source, str | os.PathLike)
        name = Path(source).name if named else "recording"
        self._keep(score_recording(self.model, source, sr, name, []))

    def save(self, path: str | os.PathLike) -> Path:
        """Write what was heard last as a WAV file, mono, 16 bit, at the model's rate.

        Parameters
        ----------
        path : path-like
            Where; nothing is overwritten.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        FileExistsError
            If there is something already.
        ValueError
            If nothing was recorded.
        """
        target = Path(path).expanduser()
        if self._recording is None:
            raise ValueError("Nothing to save: record something first.")
        if target.exists():
            raise FileExistsError(f"{target}: already there. Give another name.")
        with files.replacing(target) as draft:
            draft.write_bytes(self._sound())
        return target

    def forget(self, everything: bool = False) -> None:
        """Forget what was heard last, here and in the page.

        Parameters
        ----------
        everything : bool, default False
            Forget the other lines of `history`, too.
        """
        if everything:
            self._past.clear()
        elif self._recording is not None:
            self._past.pop()
        self._recording, self._wav, self.scores = None, b"", None
        self._turn += 1

    def _keep(self, recording: Recording) -> None:
        self._recording, self._wav = recording, b""
        self._past.append(history_row(recording))
        self.scores = recording.scores
        self._turn += 1

    def _sound(self) -> bytes:
        if not self._wav and self._recording is not None:
            self._wav = _players.as_wav(self._recording.waveform, self._recording.rate)
        return self._wav

    def _on_piece(self, question: dict, buffers: list) -> tuple[dict, list]:
        """Take in a piece of a file, or of what was recorded."""
        start, name = question["start"], question["transfer"]
        if start == 0:
            self._coming = {name: bytearray()}  # one at a time
        come = self._coming.get(name, b"")
        if start != len(come) or start + len(buffers[0]) > _MOST:
            self._coming.clear()
            raise ValueError(_LOST)
        come += buffers[0]
        return {}, []

    def _on_drop(self, *_) -> tuple[dict, list]:
        """Forget the pieces of a recording that is not wanted any more."""
        self._coming.clear()
        return {}, []

    def _on_score(self, question: dict, _) -> tuple[dict, list]:
        """Score what came in pieces: the samples of a recording, or a file."""
        data = self._coming.pop(question["transfer"], None)
        if data is None:
            raise ValueError(_LOST)
        name, rate = question["name"], question.get("rate")
        notes = [_CLIPPED] if question.get("clipped") else []
        if rate is None:
            source = io.BytesIO(data)
            source.name = name
        else:
            source = np.frombuffer(data, "<f4")
            notes += [_DECODED] if question.get("decoded") else []
        try:
            self._keep(score_recording(self.model, source, rate, name, notes))
        except ValueError as error:
            if rate is None and _unreadable(error):
                return {"unreadable": str(error)}, []  # the browser may know it
            raise
        return {}, []

    def _on_held(self, *_) -> tuple[dict, list]:
        """Tell the page what there is to show."""
        held = None if self._recording is None else recording_for_page(self._recording)
        others = self._past[:-1] if held else self._past
        return {"take": held, "past": [row_for_page(line) for line in others]}, []

    def _on_picture(self, *_) -> tuple[dict, list[bytes]]:
        if self._recording is None:
            raise ValueError("Nothing is recorded.")
        return recording_picture(self._recording)

    def _on_sound(self, question: dict, _) -> tuple[dict, list[bytes]]:
        wav, start = self._sound(), question["start"]
        return {"size": len(wav)}, [wav[start : start + _PIECE]]

    def _on_forget(self, question: dict, _) -> tuple[dict, list]:
        self.forget(question.get("everything", False))
        return {}, []

    def _static_html(self, sounds: bool) -> str:
        name = html.escape(self.model.label)
        here = "Open this in JupyterLab to record your voice here, or to drop a file"
        lines = [f"<p>{here}; {name} scores it.</p>"]
        if self._recording is not None:
            lines.append(as_html(self._recording))
        if self.model.random_weights:
            lines.append(f"<p><b>{RANDOM.capitalize()}.</b></p>")
        lines.append(f"<p>{html.escape(intended_use.LINE)}</p>")
        return "".join(lines)

    def __repr__(self) -> str:
        heard = self.verdict or "nothing recorded"
        return f"A recorder for {self.model.label}, in JupyterLab: {heard}."


def recorder(
    model: Classifier | str = "trained:emodb_egemaps", longest: float = 60.0
) -> Recorder:
    """Record in the browser or drop a file, and see what a model makes of it.

    Nothing is written anywhere unless you ask for it: sound and scores are kept
    in memory until "Forget", the next recording, or the end of the kernel, and
    neither is saved with the notebook. The browser is asked for the microphone's
    own sound, without echo cancellation, noise suppression or gain control.

    By keyboard: R or Space begins and ends a recording, Escape discards it.

    Parameters
    ----------
    model : Classifier or str, default "trained:emodb_egemaps"
        As `sertools.models.load` gives, or takes.
    longest : float, default 60
        Seconds after which a recording ends by itself. Files may be longer.

    Returns
    -------
    Recorder
        ``scores`` (a traitlet: `observe` it), ``waveform``, ``verdict``,
        ``stretches`` and ``history`` hold what came of it; ``save(path)`` writes
        a WAV file, ``hear(source)`` scores a file from Python, ``forget()``
        forgets. In a report: the last scores.

    Raises
    ------
    TypeError
        If `model` is no model.
    ValueError
        If `model` gives features, not emotions, or `longest` is not positive.

    Examples
    --------
    >>> recording = recorder("trained:emodb_egemaps")
    >>> recording.hear(np.zeros(16_000))
    >>> recording.verdict
    'silent: nothing to hear'
    >>> recording.forget()
    >>> recording.waveform is None
    True
    """
    return Recorder(model, longest)


def _refuse_what_cannot_score(model) -> None:
    """Score silence: cheap, and what is wrong with a model is said at once."""
    if not hasattr(model, "sampling_rate"):
        raise TypeError(f"model: a model or its name is needed, not {model!r:.60}.")
    features.timeline(model, np.zeros(model.sampling_rate), progress=False)


def _unreadable(error: Exception | None) -> bool:
    """Say whether libsndfile does not know a format: all else is a refusal."""
    while error is not None:
        if isinstance(error, soundfile.LibsndfileError):
            return True
        error = error.__context__
    return False
