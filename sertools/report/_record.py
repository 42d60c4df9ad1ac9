"""The last line of a notebook: save the result, and say where it is."""

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sertools.display import Display, Part

if TYPE_CHECKING:
    from sertools.evaluation import Result


@dataclass(frozen=True, repr=False)
class Saved(Display):
    """What became of a result; shows itself as one line.

    Parameters
    ----------
    folder : Path or None
        Where the result was saved; None: nowhere.
    files : tuple of str
        The files there.
    """

    folder: Path | None = None
    files: tuple[str, ...] = ()

    def _parts(self):
        if self.folder is None:
            call = 'report.record(result, out="my_run")'
            said = f"Nothing was saved. To keep the result: {call}."
            text = (
                "<b>Nothing was saved.</b> To keep the result: "
                f"<code>{html.escape(call)}</code>"
            )
        else:
            said = f"Saved {' and '.join(self.files)} in {self.folder}."
            names = " and ".join(f"<code>{html.escape(f)}</code>" for f in self.files)
            text = (
                f"<b>Saved</b> {names} in <code>{html.escape(str(self.folder))}</code>"
            )
        style = "border-left: 4px solid #0072B2; padding: .4em .8em"
        yield Part([said], f'<div style="{style}">{text}</div>')


def record(result: "Result", out: str | os.PathLike = "") -> Saved:
    """Save a result if a folder is given, and say what was done.

    It is the last cell of a notebook. Run by hand, with ``out=""``, it saves
    nothing; a report run sets `out` to its own folder.

    Parameters
    ----------
    result : Result
        What an evaluation returned.
    out : path-like, optional
        The folder; ``""``: save nothing.

    Returns
    -------
    Saved
        One line that a notebook shows.

    Examples
    --------
    >>> record(result=None)
    Nothing was saved. To keep the result: report.record(result, out="my_run").
    """
    if not str(out):
        return Saved()
    folder = Path(result.save(Path(out)) or out)
    written = ("metrics.json", "predictions.parquet")
    return Saved(folder, tuple(f for f in written if (folder / f).exists()))
