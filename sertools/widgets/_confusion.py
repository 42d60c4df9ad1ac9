"""Confusion matrix whose cells one can hear."""

from typing import TYPE_CHECKING

import traitlets

from sertools.widgets._base import figure_html
from sertools.widgets._clip_table import ClipTable, needs_result
from sertools.widgets._players import players
from sertools.widgets._scripts import script, style

if TYPE_CHECKING:
    from sertools.evaluation import Result


class Confusion(ClipTable):
    """A confusion matrix whose cells one can hear; see `confusion`."""

    _esm = script("confusion.js")
    _css = style()
    _truths = traitlets.List().tag(sync=True)
    noun = "confusion matrix"
    by_answers = True

    def __init__(self, result: "Result"):
        needs_result(result)
        self.result = result
        super().__init__(result.predictions, result, _truths=result.emotions)

    def _static_html(self, sounds: bool) -> str:
        from matplotlib.figure import Figure

        from sertools import plots

        counts = self.result.confusion()
        size = (0.78 * counts.shape[1] + 2.6, 0.62 * counts.shape[0] + 2.4)
        figure = Figure(figsize=size, layout="constrained")
        plots.confusion_matrix(self.result, ax=figure.subplots())
        picture = figure_html(figure, _words(self.result))
        picked = self.selected
        if not sounds or picked.empty or picked["path"].isna().any():
            return picture
        return f"{picture}<p>The clips picked:</p>{players(picked)._repr_html_()}"


def confusion(result: "Result") -> Confusion:
    """Show a confusion matrix: click a cell, and see and hear its clips.

    Cells can be picked by keyboard, too: arrows move, Enter picks, Shift with
    Enter adds, Escape clears. Other widgets of the same `result` then show the
    clips picked, and the matrix counts the clips picked elsewhere.

    Parameters
    ----------
    result : Result
        With the files' paths, so that there is something to hear.

    Returns
    -------
    Confusion
        ``selection`` holds the clips of the cells picked, ``selected`` their
        rows. In a report: the matrix, and the first of the clips picked.

    Raises
    ------
    TypeError
        If it is no result.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> answers = pd.DataFrame(
    ...     {
    ...         "clip": ["a", "b"],
    ...         "emotion": ["happy", "sad"],
    ...         "happy": [0.9, 0.6],
    ...         "sad": [0.1, 0.4],
    ...     }
    ... )
    >>> matrix = confusion(evaluation.from_predictions(answers))
    >>> matrix.selection = ["b"]
    >>> matrix.selected["predicted"].tolist()
    ['happy']
    """
    return Confusion(result)


def _words(result: "Result") -> str:
    recall = result.per_class()["recall"]
    parts = (f"{name} {share:.0%} heard right" for name, share in recall.items())
    return f"Confusion matrix: {', '.join(parts)}"
