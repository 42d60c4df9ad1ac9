"""A table of clips, each with a player, that also works in a saved report."""

import html

import pandas as pd

from sertools.widgets import sounds

__all__ = ["Players", "players"]

_SHOWN = ("emotion", "predicted", "confidence", "speaker", "sex", "text", "intensity")


class Players:
    """A table of clips with players, shown by a notebook.

    Parameters
    ----------
    table : DataFrame
        What is written beside each player.
    sounds : list of bytes or str
        A WAV file for each row, or the reason why there is none.
    """

    def __init__(self, table: pd.DataFrame, sounds: list[bytes | str]):
        self.table = table
        self.sounds = sounds

    def __repr__(self) -> str:
        return self.table.to_string()

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{html.escape(name)}</th>" for name in self.table.columns)
        rows = "".join(map(_row, self.table.itertuples(), self.sounds))
        return (
            "<table><thead><tr><th>listen</th><th>clip</th>"
            f"{heads}</tr></thead><tbody>{rows}</tbody></table>"
        )


def players(clips: pd.DataFrame, limit: int = 12) -> Players:
    """Make a table of clips that one can listen to.

    Parameters
    ----------
    clips : DataFrame
        Rows of a clips table, or of ``result.predictions``: anything with a
        ``path``.
    limit : int, default 12
        At most so many: each player carries its sound (16 kHz, 16 bit), about
        40 kB a second.

    Returns
    -------
    Players
        Shows itself; in a report too, without the corpus.

    Raises
    ------
    ValueError
        If the table has no ``path``.

    Examples
    --------
    >>> from sertools import datasets
    >>> sample = datasets.select(datasets.load("demo"), max_clips=2)
    >>> len(players(sample).sounds)
    2
    """
    if "path" not in clips:
        raise ValueError("These rows name no files: a column 'path' is needed.")
    shown = clips.head(limit)
    if "clip" in shown:
        shown = shown.set_index("clip")
    table = shown[[name for name in _SHOWN if name in shown]]
    table = table.dropna(axis="columns", how="all")
    return Players(table, [_sound(path) for path in shown["path"]])


def _sound(path: str) -> bytes | str:
    if not sounds.known(path):
        return "no file is known"
    try:
        return sounds.wav(path)
    except (ValueError, OSError) as error:
        return str(error)


def _row(row: tuple, sound: bytes | str) -> str:
    clip, *values = row
    if isinstance(sound, bytes):
        player = sounds.player(sound, str(clip), "height:2em;width:14em")
    else:
        player = html.escape(sound)
    cells = "".join(
        f"<td style='text-align:left'>{html.escape(_words(value))}</td>"
        for value in (clip, *values)
    )
    return f"<tr><td>{player}</td>{cells}</tr>"


def _words(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.2f}"
    return str(value)
