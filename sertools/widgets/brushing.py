"""Clips picked in one widget filter the others that show the same result."""

import contextlib
import weakref
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sertools.evaluation import Result
    from sertools.widgets.listed import Listed

__all__ = ["Brushes"]

_shared: "weakref.WeakValueDictionary[int, Brushes]" = weakref.WeakValueDictionary()


class Brushes:
    """What is picked in each of the widgets that show one result.

    Each widget shows the clips that *all the others* let through, so that its
    own pick stays visible among what it was picked from. The scores are those of
    the clips that all let through.

    Parameters
    ----------
    result : Result, optional
        What the scores are of.
    """

    def __init__(self, result: "Result | None" = None):
        self.result = result  # also keeps its id from being used again
        self._members: weakref.WeakSet[Listed] = weakref.WeakSet()
        self._picks: weakref.WeakKeyDictionary[Listed, pd.Index] = (
            weakref.WeakKeyDictionary()
        )
        self._telling = False

    @classmethod
    def of(cls, result: "Result | None") -> "Brushes":
        """Give the brushes that all widgets of a result share."""
        if result is None:
            return cls()
        return _shared.setdefault(id(result), cls(result))

    def join(self, widget: "Listed") -> None:
        """Take a widget in, and tell it what the others let through."""
        self._members.add(widget)
        self._tell([widget])

    def brush(self, widget: "Listed", clips: pd.Index) -> None:
        """Note what is picked in a widget, none for no filter, and tell all."""
        if len(clips):
            self._picks[widget] = clips
        elif self._picks.pop(widget, None) is None:
            return
        self._tell(list(self._members))

    def leave(self, widget: "Listed") -> None:
        """Forget a pick that nobody sees any more."""
        self.brush(widget, pd.Index([]))

    def clear(self) -> None:
        """Take back every pick."""
        for widget in list(self._picks):
            widget.selection = []

    def through(self, but: "Listed | None" = None) -> pd.Index | None:
        """List the clips that all widgets but one let through; None for all clips."""
        picks = [clips for widget, clips in self._picks.items() if widget is not but]
        if not picks:
            return None
        left = picks[0]
        for clips in picks[1:]:
            left = left[left.isin(clips)]
        return left

    def standing(self, widget: "Listed") -> dict:
        """Score what is on show, as the strip above a widget says it."""
        names = widget.table.index
        on_show = self.through()
        some = names if on_show is None else names[names.isin(on_show)]
        picks = list(self._picks.items())
        standing = {
            "n": len(some),
            "of": len(names),
            "speakers": _speakers(widget.table.loc[some]) if len(some) else 0,
            "filters": [{"what": w.noun, "n": len(clips)} for w, clips in picks],
            "by_answers": any(w.by_answers for w, _ in picks),
        }
        return standing | self._scores(some)

    def _scores(self, clips: pd.Index) -> dict:
        if self.result is None or not len(clips):
            return {}
        from sertools.evaluation import grouping

        table = self.result.predictions
        found = grouping.scores(table[table["clip"].isin(clips)], self.result.classes)
        return {name: found[name] for name in ("uar", "accuracy")}

    def _tell(self, widgets: list) -> None:
        if self._telling:
            return
        self._telling = True
        try:
            for widget in widgets:
                with contextlib.suppress(ReferenceError):
                    widget.hear(self.through(but=widget), self.standing(widget))
        finally:
            self._telling = False


def _speakers(table: pd.DataFrame) -> int | None:
    speakers = table.get("speaker")
    if speakers is None or speakers.isna().any():
        return None
    return int(speakers.nunique())
