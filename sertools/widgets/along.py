"""A recording along one time axis: how it sounds, looks, and what models make of it."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import traitlets

from sertools import audio, features, labels, models
from sertools.features.deciding import MARGIN
from sertools.features.smoothing import classes
from sertools.widgets.live import Live
from sertools.widgets.reel import BANDS, HEARD, RATE, Reel
from sertools.widgets.scripts import script, style

if TYPE_CHECKING:
    from sertools.models.base import Classifier

__all__ = ["Timeline", "timeline"]


class Timeline(Live):
    """A recording along one time axis; see `timeline`."""

    _esm = script("timeline.js")
    _css = style("timeline")
    selection = traitlets.List(
        traitlets.Float(), allow_none=True, default_value=None
    ).tag(sync=True)
    at = traitlets.Float(0.0).tag(sync=True)
    _about = traitlets.Dict().tag(sync=True)
    _models = traitlets.List().tag(sync=True)

    def __init__(
        self, reel: Reel, tables: dict[str, pd.DataFrame], margin: float = MARGIN
    ):
        self.reel, self.tables, self.margin = reel, tables, margin
        self.hertz = _hertz()
        told = {name: features.verdicts(t, margin) for name, t in tables.items()}
        words = sorted({word for table in tables.values() for word in classes(table)})
        super().__init__(
            _about={
                "name": reel.name,
                "seconds": reel.seconds,
                "rate": RATE,
                "hertz": self.hertz,
                "margin": margin,
            },
            _models=[
                _packed(name, table, features.verdicts(tables[name], margin, True))
                for name, table in told.items()
            ],
            _emotions=[
                {
                    "name": word,
                    "colour": labels.colour(word),
                    "korean": labels.korean(word),
                }
                for word in words
            ],
        )

    def segments(self) -> pd.DataFrame:
        """List what each model heard: neighbours with one verdict are one segment.

        Returns
        -------
        DataFrame
            ``model``, then the columns of `sertools.features.verdicts`. Only
            what touches the `selection`, if there is one.
        """
        tables = [
            features.verdicts(table, self.margin, merge=True).assign(model=name)
            for name, table in self.tables.items()
        ]
        table = pd.concat(tables, ignore_index=True)
        if self.selection:
            start, end = self.selection
            table = table[(table["start"] < end) & (table["end"] > start)]
        first = ["model", *(name for name in table if name != "model")]
        return table[first].reset_index(drop=True)

    @traitlets.validate("selection")
    def _inside(self, proposal: dict) -> list[float] | None:
        span = proposal["value"]
        if not span:
            return None
        if len(span) != 2 or not 0 <= span[0] < span[1] <= self.reel.seconds + 0.001:
            raise traitlets.TraitError(
                "A selection goes from one second to a later one, within the "
                f"recording of {self.reel.seconds:.1f} s, not {span}."
            )
        return span

    @traitlets.validate("at")
    def _on_it(self, proposal: dict) -> float:
        return float(np.clip(proposal["value"], 0, self.reel.seconds))

    def _on_view(self, question: dict, _) -> tuple[dict, list[bytes]]:
        start, end = question["start"], question["end"]
        shades, low, high = self.reel.picture(start, end, question["columns"])
        answer = {"bands": BANDS, "columns": len(low)}
        return answer, [shades.tobytes(), low.tobytes(), high.tobytes()]

    def _on_stretch(self, question: dict, _) -> tuple[dict, list[bytes]]:
        start = question["start"]
        end = min(question["end"], start + HEARD)
        return {}, [self.reel.stretch(start, end).astype("<i2").tobytes()]

    def _static_html(self, sounds: bool) -> str:
        from sertools.widgets.still import still

        return still(self, sounds)

    def __repr__(self) -> str:
        heard = " and ".join(self.tables) or "no model"
        return (
            f"A timeline of {self.reel.name or 'a recording'} "
            f"({self.reel.seconds:.1f} s) as heard by {heard}, to click in JupyterLab."
        )


def timeline(
    recording: str | os.PathLike | npt.ArrayLike,
    model: "Classifier | str | pd.DataFrame | Iterable | Mapping[str, pd.DataFrame]",
    margin: float = MARGIN,
    **scoring,
) -> Timeline:
    """Show a recording along one time axis, and what models make of it.

    Waveform, spectrogram and each emotion's score stand one below the other;
    several models are drawn over each other. A click plays from there, another
    in the same place pauses. Dragging selects a span and plays it; with Shift it
    zooms in. By keyboard: arrows move, with Shift from segment to segment; Space
    plays and pauses; Enter selects the segment, ``[`` and ``]`` set where a
    selection begins and ends, Escape clears it; ``+`` ``-`` ``0`` zoom.

    Parameters
    ----------
    recording : path or array-like
        A file of any length, or mono samples at 16 kHz. The page fetches sound
        and pictures piece by piece, as they are needed.
    model : Classifier, str, DataFrame, several of them, or dict of DataFrame
        A model as `sertools.models.load` gives, or its name; or scores that
        `sertools.features.timeline` or `smoothed` gave, so that a slow model
        need not hear everything again.
    margin : float, default 0.2
        How far the best emotion must be ahead, or the verdict is "not sure"; see
        `sertools.features.verdict`.
    **scoring
        For models: how `sertools.features.timeline` cuts the recording, for
        example ``hop=1.0``.

    Returns
    -------
    Timeline
        ``selection`` holds the span selected, ``[start, end]`` in seconds or
        None; ``at`` the second where the cursor stands; ``tables`` the scores by
        model; ``segments()`` what was heard, in the selection if there is one.
        Both traitlets can be set. In a report: a picture, and a player.

    Raises
    ------
    TypeError
        If `model` is none of these.
    FileNotFoundError, ValueError
        As `sertools.features.timeline` does; if scores go on after the recording
        has ended.

    Examples
    --------
    >>> import numpy as np
    >>> hiss = np.random.default_rng(0).normal(0, 0.1, 32_000)
    >>> spoken = {"window": 1.0, "hop": 1.0, "method": "energy"}  # hiss is no speech
    >>> shown = timeline(hiss, "trained:emodb_egemaps", **spoken)
    >>> shown.selection = [0.5, 1.2]
    >>> shown.segments()["model"].tolist()
    ['trained:emodb_egemaps']
    """
    reel = Reel(recording)
    scores = {}
    for one in _wanted(model):
        if isinstance(one, tuple):
            name, table = one
        else:
            source = recording
            if not isinstance(recording, (str, os.PathLike)):
                source = audio.load(recording, one.sampling_rate, sr=RATE)
            name, table = one.label, features.timeline(one, source, **scoring)
        _check(name, table, reel.seconds)
        scores[_unlike(_honest(name, table), scores)] = table
    return Timeline(reel, scores, margin)


def _wanted(model) -> list:
    """List models, and tables with their names."""
    if isinstance(model, Mapping):
        return list(model.items())
    if isinstance(model, str | pd.DataFrame) or not isinstance(model, Iterable):
        model = [model]
    found = []
    for one in model:
        if isinstance(one, pd.DataFrame):
            found.append((one.attrs.get("model") or "scores", one))
        elif isinstance(one, str):
            found.append(models.load(one))
        elif hasattr(one, "sampling_rate"):
            found.append(one)
        else:
            raise TypeError(
                f"model: a model, its name or its scores are needed, not {one!r:.60}."
            )
    # One that gives no emotions says so before the others have worked for long.
    return sorted(
        found, key=lambda one: isinstance(one, tuple) or hasattr(one, "predict_proba")
    )


def _check(name: str, table: pd.DataFrame, seconds: float) -> None:
    classes(table)
    last = table["end"].max()  # NaN where nothing was heard
    if last > seconds + 0.5:
        raise ValueError(
            f"The scores of {name} go to {last:.1f} s, and the recording has only "
            f"{seconds:.1f} s. Are they of another recording?"
        )


def _honest(name: str, table: pd.DataFrame) -> str:
    """Say of random weights that they are, whatever the table is called."""
    random = "random weights"
    known = random in str(table.attrs.get("model", "")) and random not in name
    return f"{name} ({random})" if known else name


def _unlike(name: str, names: Iterable[str]) -> str:
    """Tell two models of one name apart."""
    numbered = (f"{name} ({n})" for n in range(2, 100))
    return name if name not in names else next(n for n in numbered if n not in names)


def _packed(name: str, table: pd.DataFrame, merged: pd.DataFrame) -> dict:
    """Give a model's scores, and its verdicts, as the page reads them."""
    emotions = classes(table)
    levels = [*emotions, features.NOT_SURE]
    return {
        "name": name,
        "classes": emotions,
        "times": table[["start", "end"]].to_numpy("<f8").tobytes(),
        "scores": table[emotions].to_numpy("<f4").tobytes(),
        "spans": merged[["start", "end"]].to_numpy("<f8").tobytes(),
        "verdicts": _codes(merged["verdict"], levels),
        "best": _codes(merged["emotion"], levels),
        "probabilities": merged["probability"].to_numpy("<f4").tobytes(),
    }


def _codes(words: pd.Series, levels: list[str]) -> bytes:
    return pd.Index(levels).get_indexer(words).astype("<i4").tobytes()


def _hertz() -> list[tuple[str, float]]:
    """Say how high up in the spectrogram some frequencies are, as a share."""
    import librosa

    top = librosa.hz_to_mel(RATE / 2)
    ticks = {"500": 500, "1k": 1000, "2k": 2000, "4k": 4000}
    return [(word, float(librosa.hz_to_mel(hz) / top)) for word, hz in ticks.items()]
