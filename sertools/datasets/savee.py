"""SAVEE, the Surrey Audio-Visual Expressed Emotion database."""

import re
from pathlib import Path

from sertools.datasets.base import Dataset


class SAVEE(Dataset):
    """Surrey Audio-Visual Expressed Emotion: 480 clips, 4 men, English.

    References
    ----------
    Haq and Jackson (2010), Multimodal emotion recognition, in Machine Audition,
    doi:10.4018/978-1-61520-919-4.ch017
    """

    name = "savee"
    title = "SAVEE"
    license = "registration with the University of Surrey; research only"
    commercial = False
    reference = "http://kahlan.eps.surrey.ac.uk/savee/"
    pattern = (
        r"(?:(?P<speaker>DC|JE|JK|KL)_)?(?P<label>a|d|f|h|n|sa|su)(?P<text>\d\d)\.wav"
    )
    speakers = {"DC": "DC", "JE": "JE", "JK": "JK", "KL": "KL"}
    labels = {
        "a": "angry",
        "d": "disgust",
        "f": "fear",
        "h": "happy",
        "n": "neutral",
        "sa": "sad",
        "su": "surprise",
    }
    sexes = dict.fromkeys(("DC", "JE", "JK", "KL"), "male")
    citation = (
        "Haq and Jackson (2010), Multimodal emotion recognition, in Machine "
        "Audition, doi:10.4018/978-1-61520-919-4.ch017"
    )
    n_clips, n_speakers = 480, 4
    sampling_rate = 44_100
    header_bytes = (44, 1_000)

    def remedy(self) -> str:
        """Say where one asks for it."""
        return (
            f"Register with the University of Surrey at {self.reference} and name "
            "its folder (--root)."
        )

    def exclusion_reason(self, path: Path, match: re.Match) -> str | None:
        """Leave out clips that neither file name nor folder gives a speaker."""
        if self.fields(path, match)["speaker"] is None:
            return "no speaker (DC, JE, JK, KL) in its name or its folder's"
        return None

    def fields(self, path: Path, match: re.Match) -> dict[str, str | None]:
        """Read the speaker from the folder where the name lacks it (DC/a01.wav)."""
        found = super().fields(path, match)
        found["label"] = found["label"].lower()
        speaker = (found["speaker"] or path.parent.name).upper()
        found["speaker"] = speaker if speaker in self.speakers else None
        return found

    def stem(self, path: Path, match: re.Match) -> str:
        """Name a clip ``DC_a01``, whichever way it lies there."""
        found = self.fields(path, match)
        return f"{found['speaker']}_{found['label']}{found['text']}"
