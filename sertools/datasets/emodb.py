"""EmoDB, the Berlin Database of Emotional Speech."""

from pathlib import Path

import pandas as pd

from sertools.datasets._files import official
from sertools.datasets.base import Archive, Dataset
from sertools.metadata import ClipsMetadata


class EmoDB(Dataset):
    """Berlin Database of Emotional Speech: 535 clips, 10 actors, German.

    References
    ----------
    Burkhardt et al. (2005), A database of German emotional speech,
    doi:10.21437/Interspeech.2005-446
    """

    name = "emodb"
    title = "EmoDB"
    language = "German"
    license = "CC-BY-4.0"
    reference = "doi:10.5281/zenodo.7447302"
    pattern = (
        r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<label>[WLEAFTN])(?P<version>\w)\.wav"
    )
    labels = {
        "W": "angry",
        "L": "boredom",
        "E": "disgust",
        "A": "fear",
        "F": "happy",
        "N": "neutral",
        "T": "sad",
    }
    sexes = {
        **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
        **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
    }
    citation = (
        "Burkhardt et al. (2005), A database of German emotional speech, "
        "doi:10.21437/Interspeech.2005-446"
    )
    n_clips, n_speakers = 535, 10
    sampling_rate = 16_000
    header_bytes = (44, 4_096)  # few files have a filler chunk
    sources = (
        Archive(
            url="https://zenodo.org/records/7447302/files/emodb.zip",
            md5="9d21362dbc5676ef3ab4745d83ced0db",
        ),
    )

    def load(self, root: Path) -> pd.DataFrame:
        """List the clips; of version 2.0 only those that version 1 has as well.

        Version 2.0 adds recordings without a label or with an ambiguous one,
        under names of the same form.
        """
        clips = super().load(root)
        if len(clips) <= self.n_clips:
            return clips
        stems = clips.index.str.removeprefix(f"{self.name}/")
        further = ~stems.isin(list(official(self.name)))
        reason = "not one of the 535 labelled clips; version 2.0 adds ambiguous ones"
        excluded = ClipsMetadata.of(clips).excluded + [
            {"clip": str(Path(path).relative_to(root)), "reason": reason}
            for path in clips.loc[further, "path"]
        ]
        return ClipsMetadata.update(clips[~further], excluded=excluded)
