"""TESS, the Toronto Emotional Speech Set."""

from sertools.datasets.base import Dataset


class TESS(Dataset):
    """Toronto Emotional Speech Set: 2800 clips, 2 actresses, English.

    Each says "Say the word ..." with 200 words in 7 emotions. With two
    speakers, the only honest test is to train on one and test on the other.
    Its ``ps`` is *pleasant surprise*; ``surprise`` is only near to that.

    References
    ----------
    Pichora-Fuller and Dupuis (2020), doi:10.5683/SP2/E8H2MF
    """

    name = "tess"
    title = "TESS"
    license = "CC-BY-NC-ND-4.0 or CC-BY-NC-4.0 (its sources disagree)"
    commercial = False
    reference = "doi:10.5683/SP2/E8H2MF"
    pattern = (
        r"(?P<speaker>OAF|OA|YAF)_(?P<text>[a-z]+)"
        r"_(?P<label>angry|disgust|fear|happy|neutral|ps|sad)\.wav"
    )
    speakers = {"OAF": "OAF", "YAF": "YAF", "OA": "OAF"}  # OA_bite_neutral.wav
    labels = {
        "angry": "angry",
        "disgust": "disgust",
        "fear": "fear",
        "happy": "happy",
        "neutral": "neutral",
        "ps": "surprise",
        "sad": "sad",
    }
    approximate = ("ps",)
    citation = (
        "Pichora-Fuller and Dupuis (2020), Toronto emotional speech set (TESS), "
        "doi:10.5683/SP2/E8H2MF"
    )
    aliases = {"OAF_bite_neutral": "OA_bite_neutral"}  # copies that mend the name
    format_exceptions = {"OAF_food_fear": (96_000, 1)}
    sexes = {"OAF": "female", "YAF": "female"}
    n_clips, n_speakers = 2800, 2
    sampling_rate = 24_414
    header_bytes = (44, 1_000)
    kaggle = "ejlok1/toronto-emotional-speech-set-tess"
