"""Widgets that show a table of clips, which one can hear, pick and filter."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import traitlets

from sertools.widgets import sounds
from sertools.widgets.brushing import Brushes
from sertools.widgets.columns import columns
from sertools.widgets.live import Live, coloured
from sertools.widgets.naming import Names, answered, named

__all__ = ["Listed"]

_SHOWN = (
    *("emotion", "predicted", "speaker", "sex", "text", "intensity"),
    *("dataset", "label", "fold"),
)


class Listed(Live):
    """A widget over a table of clips.

    Parameters
    ----------
    table : DataFrame
        Indexed by clip, no clip twice; heard if there is a ``path``.
    result : Result, optional
        Widgets of one result filter each other. Its answers are joined to the
        table, by the clips' names.
    shown : iterable of str, optional
        Columns for the page; the usual ones if not given.

    Attributes
    ----------
    selection : list of str
        The clips picked here, in the table's order. A traitlet: `observe` it, or
        set it to pick from Python; an index or a column of names will do, too.
    """

    selection = Names()
    _picked = traitlets.List().tag(sync=True)
    _empty_filter = traitlets.Bool(False).tag(sync=True)  # filters let nothing through
    _rows = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    _standing = traitlets.Dict().tag(sync=True)
    _names = traitlets.List().tag(sync=True)
    _columns = traitlets.Dict().tag(sync=True)
    _classes = traitlets.List().tag(sync=True)
    _scored = traitlets.Bytes(allow_none=True, default_value=None).tag(sync=True)

    noun = "list"
    by_answers = False  # whether picking here goes by what the model answered

    def __init__(
        self,
        table: pd.DataFrame,
        result=None,
        shown: Iterable[str] | None = None,
        **traits,
    ):
        self.table = answered(named(table), result)
        self._clips = self.table.index
        self._page, self._views = None, set()
        classes = [] if result is None else result.classes
        names = _SHOWN if shown is None else shown
        words = {*classes, *self.table.get("emotion", pd.Series(dtype=str)).dropna()}
        super().__init__(
            _names=list(self._clips),
            _columns=columns(self.table, names),
            _classes=classes,
            _scored=_scored(self.table, classes),
            _emotions=[coloured(word) for word in sorted(map(str, words))],
            **traits,
        )
        self.brushes = Brushes.of(result)
        self.brushes.join(self)

    @property
    def selected(self) -> pd.DataFrame:
        """The rows of the clips picked here."""
        return self.table.loc[self.selection]

    def hear(self, through: pd.Index | None, standing: dict) -> None:
        """Take over what the other widgets let through."""
        with self.hold_sync():
            rows = None
            if through is not None:
                rows = np.flatnonzero(self._clips.isin(through)).tolist()
            self._rows, self._standing = rows, standing

    @traitlets.validate("selection")
    def _known(self, proposal: dict) -> list[str]:
        wanted = pd.Index(proposal["value"], dtype=object)
        unknown = wanted[~wanted.isin(self._clips)]
        if len(unknown):
            raise traitlets.TraitError(
                f"There is no clip {unknown[0]!r} in this table."
            )
        return self._clips[self._clips.isin(wanted)].tolist()

    @traitlets.observe("_picked")
    def _page_picked(self, change: dict) -> None:
        self.selection = self._clips[sorted(change["new"])].tolist()

    @traitlets.observe("selection")
    def _pick(self, _) -> None:
        # A page and a cell may pick at the same time: the last one counts, for all.
        with self.brushes.lock:
            clips = pd.Index(self.selection, dtype=object)
            self._picked = np.flatnonzero(self._clips.isin(clips)).tolist()
            if self.selection:
                self._empty_filter = False
            self.brushes.brush(self, clips, self._empty_filter)

    @traitlets.observe("_empty_filter")
    def _emptied(self, _) -> None:
        with self.brushes.lock:
            clips = pd.Index(self.selection, dtype=object)
            self.brushes.brush(self, clips, self._empty_filter)

    def unpick(self) -> None:
        """Take back what is picked here, and a filter that lets nothing through."""
        self._empty_filter = False
        self.selection = []

    def _on_sound(self, question: dict, _) -> tuple[dict, list[bytes]]:
        return {}, [sounds.wav(self._path(question["row"]))]

    def _on_picture(self, question: dict, _) -> tuple[dict, list[bytes]]:
        shades = sounds.picture(self._path(question["row"]))
        bands, width = shades.shape
        return {"bands": bands, "columns": width}, [shades.tobytes()]

    def _on_clear(self, *_) -> tuple[dict, list]:
        self.brushes.clear()
        return {}, []

    def _on_here(self, question: dict, _) -> tuple[dict, list]:
        """Note a view: what is picked in it filters the others, if need be again."""
        page = question.get("page")
        if page != self._page:  # one that is reloaded does not say that its views go
            self._page, self._views = page, set()
        self._views.add(question.get("view"))
        self.brushes.join(self)
        clips = pd.Index(self.selection, dtype=object)
        if len(clips) or self._empty_filter:
            self.brushes.brush(self, clips, self._empty_filter)
        return {}, []

    def _on_gone(self, question: dict, _) -> tuple[dict, list]:
        """Note that a view was closed; a pick nobody sees must not filter others."""
        self._views.discard(question.get("view"))
        if not self._views:
            self.brushes.leave(self)
        return {}, []

    def _path(self, row: int) -> str:
        if "path" not in self.table:
            raise ValueError("This table names no files, so there is nothing to hear.")
        path = self.table["path"].iloc[row]
        if not sounds.known(path):
            raise ValueError(f"{self._clips[row]}: no file is known.")
        return path

    def __repr__(self) -> str:
        return f"A {self.noun} of {len(self._clips)} clips, to click in JupyterLab."


def _scored(table: pd.DataFrame, classes: list[str]) -> bytes | None:
    if not classes:
        return None
    return table[classes].fillna(0).to_numpy("<f4").tobytes()
