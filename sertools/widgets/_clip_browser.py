"""Clip browser: a table of clips to filter, sort, play through and tag."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd
import traitlets

from sertools.widgets._clip_table import ClipTable, named
from sertools.widgets._players import players
from sertools.widgets._scripts import script, style

if TYPE_CHECKING:
    from sertools.evaluation import Result

_FACETS = ("dataset", "emotion", "predicted", "speaker", "sex", "intensity", "fold")


class ClipBrowser(ClipTable):
    """A table of clips to filter, sort, play through and tag; see `clip_browser`."""

    _esm = script("clip_browser.js")
    _css = style("clip_browser")
    _facets = traitlets.List().tag(sync=True)
    tags = traitlets.Dict(
        key_trait=traitlets.Unicode(), value_trait=traitlets.Unicode()
    ).tag(sync=True)
    words = traitlets.List(trait=traitlets.Unicode()).tag(sync=True)
    _by_answers = traitlets.Bool(False).tag(sync=True)
    noun = "clip browser"

    def __init__(self, clips: pd.DataFrame, result: "Result | None", words: list[str]):
        own = named(clips)  # refuses what cannot be shown
        self._given = clips.set_index("clip") if "clip" in clips else clips
        there = own["tag"].dropna() if "tag" in own else pd.Series(dtype=str)
        tags = {clip: str(tag) for clip, tag in there.items()}
        words = list(dict.fromkeys([*words, *tags.values()]))
        super().__init__(
            clips,
            result,
            _facets=[*_FACETS, "tag"],
            tags=tags,
            words=words,
        )

    @property
    def by_answers(self) -> bool:
        """Whether the filters go by what the model answered."""
        return self._by_answers

    @property
    def tagged(self) -> pd.DataFrame:
        """The clips, with what was tagged in a column ``tag``, in their order."""
        tags = pd.Series(self.tags, dtype=object).reindex(self.table.index)
        return self._given.assign(tag=tags.to_numpy())

    @traitlets.validate("tags")
    def _of_clips(self, proposal: dict) -> dict[str, str]:
        for clip in proposal["value"]:
            if clip not in self.table.index:
                raise traitlets.TraitError(f"There is no clip {clip!r} in this table.")
        return proposal["value"]

    def _static_html(self, sounds: bool) -> str:
        filtered = self.selection or self._empty_filter
        shown = self.selected if filtered else self.table
        head = f"<p>{len(shown)} of {len(self.table)} clips.</p>"
        if sounds and "path" in shown and len(shown):
            return head + players(shown)._repr_html_()
        few = [name for name in (*_FACETS, "text") if name in shown]
        return head + shown[few].head(12).to_html()


def clip_browser(
    clips: pd.DataFrame,
    result: "Result | None" = None,
    words: Iterable[str] = ("keep", "unclear", "bad audio"),
) -> ClipBrowser:
    """Show a clip browser: filter, sort, play through by keyboard, and tag.

    In the list arrows move, Space plays, Enter plays through from there, Escape
    stops, and the digits 1 to 9 tag (0 takes a tag back).

    Parameters
    ----------
    clips : DataFrame
        A clips table, or any rows of one.
    result : Result, optional
        Adds what a model answered, and links the browser to the other widgets
        of that result: its filters become theirs, and theirs its own.
    words : iterable of str
        Tags on offer; more can be typed. A column ``tag`` in `clips` is where
        tagging goes on.

    Returns
    -------
    ClipBrowser
        ``selection`` holds the clips that the filters let through (empty: no
        filter is set, or none passes), ``tags`` the tag of each clip that has one, and
        ``tagged`` the clips with a column ``tag``. In a report: the first
        clips, to listen to.

    Raises
    ------
    TypeError
        If `clips` is no table, or `result` no result.
    ValueError
        If the table is empty, a clip has no name, or is there twice.

    Examples
    --------
    >>> from sertools import datasets
    >>> browser = clip_browser(datasets.load("demo"))
    >>> browser.tags = {browser.table.index[3]: "unclear"}
    >>> browser.tagged["tag"].count()
    np.int64(1)
    """
    words = [words] if isinstance(words, str) else map(str, words)
    return ClipBrowser(clips, result, list(words))
