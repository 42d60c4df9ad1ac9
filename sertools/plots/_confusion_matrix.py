"""Confusion matrix, with counts and shares in its cells."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import _style
from sertools.plots._dark_theme import ON_COLOUR

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sertools.evaluation import Result

_DARKEST = 1.75  # end of the colour map: shares, up to 1, carry black numbers


def confusion_matrix(
    result: "Result", ax: "Axes | None" = None, normalize: str | None = "row"
) -> "Axes":
    r"""Draw a confusion matrix: what was taken for what.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.
    normalize : {"row", None}, default "row"
        ``"row"``: each cell holds its count and its share of the row, and the
        share is the shade, so that the diagonal shows each emotion's recall.
        None: counts alone.

    Returns
    -------
    matplotlib Axes
        Rows are the true emotions, with their number of clips; columns are the
        classes that could be predicted. Right answers are framed.

    Raises
    ------
    ValueError
        If `normalize` is neither.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> said = pd.DataFrame({"happy": [0.9, 0.2, 0.6], "sad": [0.1, 0.8, 0.4]})
    >>> said["emotion"] = ["happy", "sad", "sad"]
    >>> ax = confusion_matrix(evaluation.from_predictions(said))
    >>> [text.get_text() for text in ax.texts[:4]]
    ['1\n100 %', '0\n0 %', '1\n50 %', '1\n50 %']
    """
    if normalize not in ("row", None):
        raise ValueError(f"normalize must be 'row' or None, not {normalize!r}.")
    counts = result.confusion()
    values, (rows, columns) = counts.to_numpy(), counts.shape
    width = max(0.78 * columns + 2.2, 5.2)
    height = 0.62 * rows + 2.0 + _style.warnings_height(result, width)
    ax = _style.axes(ax, width, height)
    clips = values.sum(axis=1, keepdims=True)
    share = values / np.maximum(clips, 1)
    shade = share if normalize else values / max(values.max(), 1)
    ax.imshow(shade, cmap="Blues", vmin=0, vmax=_DARKEST, aspect="auto")
    _write_cells(ax, counts, share if normalize else None)
    _frame_right_answers(ax, counts)
    _label(ax, counts, clips.ravel())
    head = _uar(**result.scores()["uar"])
    _style.heading(ax, head, _note(result, counts), result.warnings)
    return ax


def _uar(value: float, low: float | None, high: float | None) -> str:
    if low is None:
        return f"UAR {value:.2f}, no interval"
    return f"UAR {value:.2f}, 95 % interval {low:.2f} to {high:.2f}"


def _note(result: "Result", counts: "pd.DataFrame") -> str:
    note = f"chance {result.chance:.2f}; {_style.describe(result)}"
    never = [name for name in counts.index if name not in counts.columns]
    return f"{note}; not among the classes: {', '.join(never)}" if never else note


def _write_cells(ax: "Axes", counts: "pd.DataFrame", share: np.ndarray | None) -> None:
    rows, columns = counts.shape
    width, height = _style.inches(ax)
    points = min(72 * width / columns / 3.6, 72 * height / rows / 3.0)
    for (row, column), count in np.ndenumerate(counts.to_numpy()):
        text = str(count)
        if share is not None:
            text += f"\n{_per_cent(share[row, column])}"
        ax.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=float(np.clip(points, 5, _style.TEXT)),
            color="black" if count else _style.MUTED,
            linespacing=1.15,
            gid=ON_COLOUR,
        )


def _per_cent(share: float) -> str:
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"


def _frame_right_answers(ax: "Axes", counts: "pd.DataFrame") -> None:
    from matplotlib.patches import Rectangle

    for row, emotion in enumerate(counts.index):
        if emotion in counts.columns:
            corner = (counts.columns.get_loc(emotion) - 0.47, row - 0.47)
            frame = Rectangle(corner, 0.94, 0.94, fill=False, zorder=3)
            frame.set(edgecolor=_style.INK, linewidth=1.3)
            ax.add_patch(frame)


def _label(ax: "Axes", counts: "pd.DataFrame", clips: np.ndarray) -> None:
    rows, columns = counts.shape
    roomy = _style.inches(ax)[0] / columns > 0.62
    ax.set_xticks(range(columns), counts.columns)
    ax.set_yticks(
        range(rows),
        [f"{name} ({n})" for name, n in zip(counts.index, clips, strict=True)],
    )
    ax.set(xlabel="predicted emotion", ylabel="true emotion (clips)")
    ax.set_xticks(np.arange(1, columns) - 0.5, minor=True)
    ax.set_yticks(np.arange(1, rows) - 0.5, minor=True)
    _style.tidy(ax)
    ax.grid(which="minor", color="white", linewidth=1.2)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    if not roomy:
        ax.tick_params(axis="x", labelrotation=40)
        for label in ax.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
