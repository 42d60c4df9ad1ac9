"""Record in the browser or drop a file, and see what a model makes of it."""

import html
import io
import os
from numbers import Real
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile
import traitlets

from sertools import atomic, features, intended_use, models
from sertools.models.base import Classifier
from sertools.widgets import sounds, takes
from sertools.widgets.live import Live, coloured
from sertools.widgets.scripts import script, style

__all__ = ["Recorder", "recorder"]

_PIECE = 1_000_000  # bytes; sound travels in pieces that every server lets through
_MOST = 500_000_000  # bytes; what is longer had better not travel through a page

_CLIPPED = (
    "Too loud at times: samples are cut off at the limit, which changes how it "
    "sounds. Go farther from the microphone, or turn its level down."
)
_LOST = "A piece was lost on the way to Python. Try it again."
_DECODED = "Decoded by the browser: libsndfile, which reads files here, cannot."


class Recorder(Live):
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
        self._take: takes.Take | None = None
        self._wav = b""
        self._past: list[dict] = []
        self._coming: dict[str, bytearray] = {}
        super().__init__(
            _about={
                "longest": float(longest),
                "piece": _PIECE,
                "most": _MOST,
                "model": self.model.label,
                "random": takes.RANDOM if self.model.tiny else "",
                "use": intended_use.LINE,
                "page": intended_use.paragraphs(),
            },
            _emotions=[coloured(str(name)) for name in self.model.classes_],
        )

    @property
    def waveform(self) -> np.ndarray | None:
        """What was heard last: (t,) float32 at the model's rate; None if nothing."""
        return None if self._take is None else self._take.waveform

    @property
    def verdict(self) -> str | None:
        """What the scores amount to: an emotion, "not sure", or why there are none."""
        return None if self._take is None else self._take.verdict

    @property
    def stretches(self) -> pd.DataFrame | None:
        """The verdicts stretch by stretch, as `sertools.features.verdicts` gives."""
        return None if self._take is None else self._take.stretches

    @property
    def history(self) -> pd.DataFrame:
        """All that was recorded here so far, a row each; without sound."""
        columns = [*takes.FACTS, *map(str, self.model.classes_)]
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
        self._keep(takes.take(self.model, source, sr, name, []))

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
        if self._take is None:
            raise ValueError("Nothing to save: record something first.")
        if target.exists():
            raise FileExistsError(f"{target}: already there. Give another name.")
        with atomic.replacing(target) as draft:
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
        elif self._take is not None:
            self._past.pop()
        self._take, self._wav, self.scores = None, b"", None
        self._turn += 1

    def _keep(self, take: takes.Take) -> None:
        self._take, self._wav = take, b""
        self._past.append(takes.line(take))
        self.scores = take.scores
        self._turn += 1

    def _sound(self) -> bytes:
        if not self._wav and self._take is not None:
            self._wav = sounds.as_wav(self._take.waveform, self._take.rate)
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
            self._keep(takes.take(self.model, source, rate, name, notes))
        except ValueError as error:
            if rate is None and _unreadable(error):
                return {"unreadable": str(error)}, []  # the browser may know it
            raise
        return {}, []

    def _on_held(self, *_) -> tuple[dict, list]:
        """Tell the page what there is to show."""
        take = None if self._take is None else takes.described(self._take)
        others = self._past[:-1] if take else self._past
        return {"take": take, "past": [takes.told(line) for line in others]}, []

    def _on_picture(self, *_) -> tuple[dict, list[bytes]]:
        if self._take is None:
            raise ValueError("Nothing is recorded.")
        return takes.pictured(self._take)

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
        if self._take is not None:
            lines.append(takes.as_html(self._take))
        if self.model.tiny:
            lines.append(f"<p><b>{takes.RANDOM.capitalize()}.</b></p>")
        lines.append(f"<p>{html.escape(intended_use.LINE)}</p>")
        return "".join(lines)

    def __repr__(self) -> str:
        heard = "nothing recorded" if self._take is None else self._take.verdict
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
