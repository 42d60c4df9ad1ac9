"""What listeners heard in CREMA-D's clips, as columns of the clips table."""

import os
import warnings
from pathlib import Path

import pandas as pd

__all__ = ["add"]

_ANSWERS = {
    "A": "angry",
    "D": "disgust",
    "F": "fear",
    "H": "happy",
    "N": "neutral",
    "S": "sad",
}
_WAYS = {1: "vote_voice", 2: "vote_face", 3: "vote_both"}


def add(clips: pd.DataFrame, root: Path) -> None:
    """Add the listeners' votes to a clips table of CREMA-D, if they are found.

    Parameters
    ----------
    clips : DataFrame
        The clips; gains the columns that `CREMAD` describes. Clips that the
        votes do not know have missing values.
    root : Path
        The corpus's folder. The tables are looked for in it, beside the clips
        and one folder further up, each time also in ``processedResults``.

    References
    ----------
    Its columns: https://github.com/CheyneyComputerScience/CREMA-D
    """
    path = _find(root, clips["path"])
    if path is None:
        return
    try:
        votes = _READERS[path.name](path)
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())
        warnings.warn(
            f"{path}: not a table of votes that can be read ({reason}). "
            "The clips come without them.",
            stacklevel=5,
        )
        return
    known = votes.reindex(clips.index.str.rpartition("/").get_level_values(2))
    for column, values in known.items():
        clips[column] = values.array


def _find(root: Path, paths: pd.Series) -> Path | None:
    beside = {Path(folder) for folder in map(os.path.dirname, paths)}
    above = {folder.parent for folder in beside}
    for folder in dict.fromkeys((root, *sorted(beside), *sorted(above))):
        for name in _READERS:
            for path in (folder / "processedResults" / name, folder / name):
                if path.is_file():
                    return path
    return None


def _tabulated(path: Path) -> pd.DataFrame:
    """Read ``tabulatedVotes.csv``: three rows a clip, numbered by the way of asking."""
    columns = [*_ANSWERS, "fileName", "numResponses", "agreement", "emoVote"]
    rows = pd.read_csv(path, usecols=[0, *range(1, 11)], index_col=0)[columns]
    ways = {
        name: rows[rows.index // 100_000 == number].set_index("fileName")
        for number, name in _WAYS.items()
    }
    votes = pd.DataFrame({name: _words(way["emoVote"]) for name, way in ways.items()})
    voice = ways["vote_voice"].rename(columns={"numResponses": "n_votes"})
    for letter, emotion in _ANSWERS.items():
        votes[f"votes_{emotion}"] = voice[letter].astype("Int64")
    votes["n_votes"] = voice["n_votes"].astype("Int64")
    votes["agreement"] = voice["agreement"].astype("Float64")
    return votes


def _summary(path: Path) -> pd.DataFrame:
    """Read ``summaryTable.csv``: one row a clip."""
    columns = ("VoiceVote", "FaceVote", "MultiModalVote")
    rows = pd.read_csv(path).set_index("FileName")
    named = zip(_WAYS.values(), columns, strict=True)
    return pd.DataFrame({name: _words(rows[column]) for name, column in named})


def _words(letters: pd.Series) -> pd.Series:
    """Spell votes out: ``"A:D"`` becomes ``"angry:disgust"``."""
    words = {
        given: ":".join(_ANSWERS[letter] for letter in given.split(":"))
        for given in letters.dropna().unique()
    }
    return letters.map(words).astype("str")


_READERS = {"tabulatedVotes.csv": _tabulated, "summaryTable.csv": _summary}
