"""CREMA-D, the Crowd-sourced Emotional Multimodal Actors Dataset."""

import os
import warnings
from pathlib import Path

import pandas as pd

from sertools.datasets.base import Dataset

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

_FEMALE = (
    "02 03 04 06 07 08 09 10 12 13 18 20 21 24 25 28 29 30 37 43 46 47 49 52 53 54 55 "
    "56 58 60 61 63 72 73 74 75 76 78 79 82 84 89 91"
)

_TEST = "10 13 22 26 37 38 40 45 47 48 59 65 66 68 71 73 84 86 88"


class CREMAD(Dataset):
    """CREMA-D: 7442 clips, 91 actors, 12 sentences, English.

    Human listeners who only heard the voice named the intended emotion in
    40.9 % of their answers: labels are what was asked for, not what is heard.

    Where the owner's folder ``processedResults`` lies with the clips, their
    answers are further columns. From ``summaryTable.csv`` or
    ``tabulatedVotes.csv``: ``vote_voice``, the emotion that most listeners
    heard, ``vote_face`` (who saw the face, without sound) and ``vote_both``;
    emotions with equally many votes are joined, ``"angry:disgust"``. Only from
    ``tabulatedVotes.csv``, and of the voice alone: ``votes_angry`` ...
    ``votes_sad`` and ``n_votes``, how many people answered so, and in all, and
    ``agreement``, the share of the most frequent answer.

    References
    ----------
    Cao et al. (2014), doi:10.1109/TAFFC.2014.2336244
    Its files: https://github.com/CheyneyComputerScience/CREMA-D
    The split ``published:tfds``: TensorFlow Datasets, crema_d,
    https://www.tensorflow.org/datasets/catalog/crema_d
    """

    name = "crema_d"
    title = "CREMA-D"
    license = "ODbL-1.0, contents DbCL-1.0"
    reference = "doi:10.1109/TAFFC.2014.2336244"
    pattern = (
        r"(?P<speaker>1\d{3})_(?P<text>[A-Z]{3})_(?P<label>ANG|DIS|FEA|HAP|NEU|SAD)"
        r"_(?P<intensity>LO|MD|HI|XX)\.wav"
    )
    aliases = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}  # older copies
    labels = {
        "ANG": "angry",
        "DIS": "disgust",
        "FEA": "fear",
        "HAP": "happy",
        "NEU": "neutral",
        "SAD": "sad",
    }
    sexes = {
        **{str(speaker): "male" for speaker in range(1001, 1092)},
        **{f"10{number}": "female" for number in _FEMALE.split()},
    }
    texts = {
        "IEO": "It's eleven o'clock",
        "TIE": "That is exactly what happened",
        "IOM": "I'm on my way to the meeting",
        "IWW": "I wonder what this is about",
        "TAI": "The airplane is almost full",
        "MTI": "Maybe tomorrow it will be cold",
        "IWL": "I would like a new alarm clock",
        "ITH": "I think I have a doctor's appointment",
        "DFA": "Don't forget a jacket",
        "ITS": "I think I've seen this before",
        "TSI": "The surface is slick",
        "WSI": "We'll stop in a couple of minutes",
    }
    intensities = {
        "LO": "low",
        "MD": "medium",
        "HI": "high",
        "XX": "unspecified",
    }
    citation = (
        "Cao et al. (2014), CREMA-D: Crowd-sourced Emotional Multimodal Actors "
        "Dataset, doi:10.1109/TAFFC.2014.2336244"
    )
    n_clips, n_speakers = 7442, 91
    sampling_rate = 16_000
    header_bytes = (44, 1_000)
    clip_url = (
        "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/"
        "master/AudioWAV/{clip}.wav"
    )
    kaggle = "ejlok1/cremad"
    published = {"tfds": {"test": tuple(f"10{number}" for number in _TEST.split())}}

    def load(self, root: Path) -> pd.DataFrame:
        """List the clips, with the listeners' votes where they are found."""
        clips = super().load(root)
        add(clips, root)
        return clips
