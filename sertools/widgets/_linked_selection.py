"""Linked selection: what is picked in one widget filters the others of a result."""

import contextlib
import threading
import weakref
from typing import TYPE_CHECKING

import pandas as pd

from sertools.widgets._base import Widget

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

    def join(self, widget: Widget) -> None:
        """Take a widget in, and tell it what the others let through."""
        with self.lock:
            self._members.add(widget)
            self._tell([widget])

    def pick(self, widget: Widget, clips: pd.Index, empty: bool = False) -> None:
        """Note what is picked in a widget, and tell all.

        None is no filter, unless it is `empty`: one that lets nothing through.
        """
        with self.lock:
            if len(clips) or empty:
                self._picks[widget] = clips
            elif self._picks.pop(widget, None) is None:
                return
            self._tell(list(self._members))

    def leave(self, widget: Widget) -> None:
        """Forget a widget that nobody sees any more, and what is picked in it."""
        with self.lock:
            self._members.discard(widget)
            self.pick(widget, pd.Index([]))

    def clear(self) -> None:
        """Take back every pick."""
        for widget in list(self._picks):
            widget.unpick()

    def passing(self, but: "Widget | None" = None) -> pd.Index | None:
        """List the clips that all widgets but one let through; None for all clips."""
        picks = [clips for widget, clips in self._picks.items() if widget is not but]
        if not picks:
            return None
        left = picks[0]
        for clips in picks[1:]:
            left = left[left.isin(clips)]
        return left

    def summary(self, widget: Widget) -> dict:
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
