"""The last line of a notebook: save the result, and say where it is."""

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sertools.evaluation import Result


@dataclass(frozen=True)
class Saved:
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

    def __repr__(self) -> str:
        if self.folder is None:
            return (
                "Nothing was saved. To keep the result: "
                'report.record(result, out="my_run").'
            )
        return f"Saved {' and '.join(self.files)} in {self.folder}."

    def _repr_html_(self) -> str:
        if self.folder is None:
            text = (
                "<b>Nothing was saved.</b> To keep the result: "
                "<code>report.record(result, out=&quot;my_run&quot;)</code>"
            )
        else:
            names = " and ".join(f"<code>{html.escape(f)}</code>" for f in self.files)
            text = (
                f"<b>Saved</b> {names} in <code>{html.escape(str(self.folder))}</code>"
            )
        return (
            '<div style="border-left: 4px solid #0072B2; padding: .4em .8em">'
            f"{text}</div>"
        )


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
