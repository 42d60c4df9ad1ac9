"""CREMA-D, the Crowd-sourced Emotional Multimodal Actors Dataset."""

from pathlib import Path

import pandas as pd

from sertools.datasets import votes
from sertools.datasets.base import Dataset

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
    overhead = (44, 1_000)
    clip_url = (
        "https://media.githubusercontent.com/media/CheyneyComputerScience/CREMA-D/"
        "master/AudioWAV/{clip}.wav"
    )
    kaggle = "ejlok1/cremad"
    published = {"tfds": {"test": tuple(f"10{number}" for number in _TEST.split())}}

    def load(self, root: Path) -> pd.DataFrame:
        """List the clips, with the listeners' votes where they are found."""
        clips = super().load(root)
        votes.add(clips, root)
        return clips
