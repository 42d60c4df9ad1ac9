"""RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song."""

import re
from pathlib import Path

from sertools.datasets.base import Archive, Dataset


class RAVDESS(Dataset):
    """RAVDESS, the audio of its speech: 1440 clips, 24 actors, English.

    References
    ----------
    Livingstone and Russo (2018), doi:10.1371/journal.pone.0196391
    EmoBox's speaker-disjoint folds: Ma et al. (2024),
    doi:10.21437/Interspeech.2024-788
    """

    name = "ravdess"
    title = "RAVDESS"
    license = "CC-BY-NC-SA-4.0"
    commercial = False
    reference = "doi:10.5281/zenodo.1188976"
    pattern = (
        r"(?P<modality>0[123])-(?P<channel>0[12])-(?P<label>0[1-8])"
        r"-(?P<intensity>0[12])-(?P<text>0[12])-(?P<repetition>0[12])"
        r"-(?P<speaker>\d\d)\.wav"
    )
    labels = {
        "01": "neutral",
        "02": "calm",
        "03": "happy",
        "04": "sad",
        "05": "angry",
        "06": "fear",
        "07": "disgust",
        "08": "surprise",
    }
    sexes = {f"{n:02}": "male" if n % 2 else "female" for n in range(1, 25)}
    texts = {
        "01": "Kids are talking by the door",
        "02": "Dogs are sitting by the door",
    }
    intensities = {"01": "normal", "02": "strong"}
    citation = (
        "Livingstone and Russo (2018), The Ryerson Audio-Visual Database of "
        "Emotional Speech and Song (RAVDESS), doi:10.1371/journal.pone.0196391"
    )
    format_exceptions = dict.fromkeys(
        (
            "03-01-02-01-01-02-01",
            "03-01-08-01-02-02-01",
            "03-01-02-01-02-02-05",
            "03-01-03-01-02-01-20",
            "03-01-06-01-01-02-20",
        ),
        (48_000, 2),
    )
    n_clips, n_speakers = 1440, 24
    sampling_rate = 48_000
    header_bytes = (49_000, 62_000)  # what the editing program noted
    sources = (
        Archive(
            url="https://zenodo.org/records/1188976/files/"
            "Audio_Speech_Actors_01-24.zip",
            bytes=208_468_073,
            md5="bc696df654c87fed845eb13823edef8a",
        ),
    )
    kaggle = "uwrfkaggler/ravdess-emotional-speech-audio"
    published = {
        "emobox": {
            "1": ("01", "11", "20", "21"),
            "2": ("04", "10", "12", "14"),
            "3": ("08", "09", "19", "23"),
            "4": ("03", "05", "07", "24"),
            "5": ("02", "15", "16", "18"),
            "6": ("06", "13", "17", "22"),
        }
    }

    def exclusion_reason(self, path: Path, match: re.Match) -> str | None:
        """Leave out song and the sound of the videos."""
        if match["channel"] != "01":
            return "song, not speech"
        if match["modality"] != "03":
            return "the sound of a video; the audio-only file is used"
        return None
