"""Clip table: what is picked in one widget filters the others (linked selection)."""

import contextlib
import threading
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import traitlets

from sertools.widgets import _players
from sertools.widgets._base import Widget, coloured

if TYPE_CHECKING:
    from sertools.evaluation import Result

_shared = weakref.WeakValueDictionary()  # LinkedSelection by its result's id


class LinkedSelection:
    """What is picked in each of the widgets that show one result.

    Each widget shows the clips that *all the others* let through, so that its
    own pick stays visible among what it was picked from. The scores are those of
    the clips that all let through. JupyterLab answers pages in threads beside the
    one that runs cells: whoever changes a pick, or tells of it, holds the `lock`.
    """

    def __init__(self, result: "Result | None" = None):
        self.result = result  # also keeps its id from being used again
        self._members, self._picks = weakref.WeakSet(), weakref.WeakKeyDictionary()
        self.lock = threading.RLock()
        self._scored: tuple[pd.Index, dict] | None = None

    @classmethod
    def of(cls, result: "Result | None") -> "LinkedSelection":
        """Give the selection that all widgets of a result share."""
        if result is None:
            return cls()
        return _shared.setdefault(id(result), cls(result))

    def join(self, widget: "ClipTable") -> None:
        """Take a widget in, and tell it what the others let through."""
        with self.lock:
            self._members.add(widget)
            self._tell([widget])

    def pick(self, widget: "ClipTable", clips: pd.Index, empty: bool = False) -> None:
        """Note what is picked in a widget, and tell all.

        None is no filter, unless it is `empty`: one that lets nothing through.
        """
        with self.lock:
            if len(clips) or empty:
                self._picks[widget] = clips
            elif self._picks.pop(widget, None) is None:
                return
            self._tell(list(self._members))

    def leave(self, widget: "ClipTable") -> None:
        """Forget a widget that nobody sees any more, and what is picked in it."""
        with self.lock:
            self._members.discard(widget)
            self.pick(widget, pd.Index([]))

    def clear(self) -> None:
        """Take back every pick."""
        for widget in list(self._picks):
            widget.unpick()

    def passing(self, but: "ClipTable | None" = None) -> pd.Index | None:
        """List the clips that all widgets but one let through; None for all clips."""
        picks = [clips for widget, clips in self._picks.items() if widget is not but]
        if not picks:
            return None
        left = picks[0]
        for clips in picks[1:]:
            left = left[left.isin(clips)]
        return left

    def summary(self, widget: "ClipTable") -> dict:
        """Score what is on show, as the summary above a widget says it."""
        names = widget.table.index
        on_show = self.passing()
        some = names if on_show is None else names[names.isin(on_show)]
        picks = list(self._picks.items())
        found = {
            "n": len(some),
            "of": len(names),
            "speakers": _speakers(widget.table, some),
            "filters": [{"what": w.noun, "n": len(clips)} for w, clips in picks],
            "by_answers": any(w.by_answers for w, _ in picks),
        }
        return found | self._scores(some)

    def _scores(self, clips: pd.Index) -> dict:
        """Score clips; once, for widgets of one table ask for the same."""
        if self.result is None or not len(clips):
            return {}
        if self._scored is None or not self._scored[0].equals(clips):
            from sertools.evaluation import intervals

            table = self.result.predictions
            some = table[pd.Index(table["clip"], dtype=object).isin(clips)]
            found = {"answered": len(some)}
            if len(some):
                scores = intervals.scores(some, self.result.classes)
                found |= {name: scores[name] for name in ("uar", "accuracy")}
            self._scored = clips, found
        return self._scored[1]

    def _tell(self, widgets: list) -> None:
        for widget in widgets:
            with contextlib.suppress(ReferenceError):
                widget.apply_filter(self.passing(but=widget), self.summary(widget))


def _speakers(table: pd.DataFrame, clips: pd.Index) -> int | None:
    if "speaker" not in table:
        return 0 if clips.empty else None
    speakers = table["speaker"].loc[clips]
    return None if speakers.isna().any() else int(speakers.nunique())


def columns(table: pd.DataFrame, names: Iterable[str]) -> dict[str, dict]:
    """Pack columns of a table for the browser, those that hold anything.

    Numbers as ``values``, the bytes of float32; anything else as ``levels``, the
    words in order, and ``codes``, the bytes of int32 (-1: nothing).
    """
    return {
        name: _packed(table[name])
        for name in names
        if name in table and table[name].notna().any()
    }


def _packed(column: pd.Series) -> dict:
    if pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
        return {"values": column.to_numpy("<f4", na_value=np.nan).tobytes()}
    words = column.map(str, na_action="ignore").astype("category")
    codes = words.cat.codes.to_numpy("<i4")
    return {"levels": words.cat.categories.tolist(), "codes": codes.tobytes()}


class Names(traitlets.List):
    """Names of clips: a list, or what pandas gives: an index, a column, an array."""

    def __init__(self, **settings):
        super().__init__(trait=traitlets.Unicode(), **settings)

    def validate(self, owner, value) -> list[str]:
        """Take names as a list of str."""
        if isinstance(value, pd.Index | pd.Series | np.ndarray | list | tuple | set):
            value = [str(name) for name in value]
        return super().validate(owner, value)


def needs_result(result) -> None:
    """Refuse what is no result, and say what is."""
    if not hasattr(result, "predictions"):
        raise TypeError(
            f"result: a Result is needed, not {_kind(result)}. For a table of "
            "predictions: evaluation.from_predictions(table)."
        )


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Index a copy of a table by its clips' names, as str: its column, or its index."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"clips: a table is needed, not {_kind(table)}. datasets.load gives one."
        )
    table = table.set_index("clip") if "clip" in table else table.copy()
    if not len(table):
        raise ValueError("The table has no clips.")
    if table.index.nlevels > 1:
        raise ValueError("The table's index has several levels; a clip has one name.")
    if table.index.hasnans:
        at = int(np.flatnonzero(table.index.isna())[0])
        raise ValueError(f"Row {at} has no clip's name.")
    names = [str(name) for name in table.index]
    table.index = pd.Index(names, dtype=object, name="clip")  # quickest to look up in
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise ValueError(f"Clip {twice!r} is there twice.")
    return table


def answered(table: pd.DataFrame, result) -> pd.DataFrame:
    """Join what a model answered to what the table says that the clips are."""
    if result is None:
        return table
    needs_result(result)
    answers = result.predictions.set_index("clip")
    theirs = ["predicted", *result.classes]
    table = table.drop(columns=[name for name in theirs if name in table])
    return table.join(answers[[name for name in answers if name not in table]])


def _kind(thing: object) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"


_SHOWN = (
    *("emotion", "predicted", "speaker", "sex", "text", "intensity"),
    *("dataset", "label", "fold"),
)


class ClipTable(Widget):
    """A widget over a table of clips, heard if there is a ``path``.

    Its `selection`, in the table's order, can be observed, and set from Python. A
    result's answers are joined to the table; widgets of one result filter each other.
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
        self.linked = LinkedSelection.of(result)
        self.linked.join(self)

    @property
    def selected(self) -> pd.DataFrame:
        """The rows of the clips picked here."""
        return self.table.loc[self.selection]

    def apply_filter(self, passing: pd.Index | None, summary: dict) -> None:
        """Take over what the other widgets let through."""
        with self.hold_sync():
            rows = None
            if passing is not None:
                rows = np.flatnonzero(self._clips.isin(passing)).tolist()
            self._rows, self._standing = rows, summary

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
        with self.linked.lock:
            clips = pd.Index(self.selection, dtype=object)
            self._picked = np.flatnonzero(self._clips.isin(clips)).tolist()
            if self.selection:
                self._empty_filter = False
            self.linked.pick(self, clips, self._empty_filter)

    @traitlets.observe("_empty_filter")
    def _emptied(self, _) -> None:
        with self.linked.lock:
            clips = pd.Index(self.selection, dtype=object)
            self.linked.pick(self, clips, self._empty_filter)

    def unpick(self) -> None:
        """Take back what is picked here, and a filter that lets nothing through."""
        self._empty_filter = False
        self.selection = []

    def _on_sound(self, question: dict, _) -> tuple[dict, list[bytes]]:
        return {}, [_players.wav(self._path(question["row"]))]

    def _on_picture(self, question: dict, _) -> tuple[dict, list[bytes]]:
        shades = _players.picture(self._path(question["row"]))
        bands, width = shades.shape
        return {"bands": bands, "columns": width}, [shades.tobytes()]

    def _on_enlarged(self, question: dict, _) -> tuple[dict, list[bytes]]:
        return _players.enlarged(self._path(question["row"]))

    def _on_clear(self, *_) -> tuple[dict, list]:
        self.linked.clear()
        return {}, []

    def _on_here(self, question: dict, _) -> tuple[dict, list]:
        """Note a view: what is picked in it filters the others, if need be again."""
        page = question.get("page")
        if page != self._page:  # one that is reloaded does not say that its views go
            self._page, self._views = page, set()
        self._views.add(question.get("view"))
        self.linked.join(self)
        clips = pd.Index(self.selection, dtype=object)
        if len(clips) or self._empty_filter:
            self.linked.pick(self, clips, self._empty_filter)
        return {}, []

    def _on_gone(self, question: dict, _) -> tuple[dict, list]:
        """Note that a view was closed; a pick nobody sees must not filter others."""
        self._views.discard(question.get("view"))
        if not self._views:
            self.linked.leave(self)
        return {}, []

    def _path(self, row: int) -> str:
        if "path" not in self.table:
            raise ValueError("This table names no files, so there is nothing to hear.")
        path = self.table["path"].iloc[row]
        if not _players.known(path):
            raise ValueError(f"{self._clips[row]}: no file is known.")
        return path

    def __repr__(self) -> str:
        return f"A {self.noun} of {len(self._clips)} clips, to click in JupyterLab."


def _scored(table: pd.DataFrame, classes: list[str]) -> bytes | None:
    if not classes:
        return None
    return table[classes].fillna(0).to_numpy("<f4").tobytes()
