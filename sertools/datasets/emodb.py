"""EmoDB, the Berlin Database of Emotional Speech."""

from sertools.datasets.base import Archive, Dataset


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
    n_clips, n_speakers = 535, 10
    sampling_rate = 16_000
    sources = (
        Archive(
            url="https://zenodo.org/records/7447302/files/emodb.zip",
            md5="9d21362dbc5676ef3ab4745d83ced0db",
        ),
    )
