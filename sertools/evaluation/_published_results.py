"""Published results, to stand beside ours and never to be ranked with them.

Reported as their sources have them; none was run here.
"""

from typing import NamedTuple

import pandas as pd


class _Study(NamedTuple):
    """What holds for all rows of one source."""

    dataset: str
    n_emotions: int
    measure: str
    protocol: str
    unknown: str
    source: str
    scores: dict[str, float]


_STUDIES = (
    _Study(
        "ravdess",
        8,
        "UAR",
        "speakers held out: the six folds of published:emobox; a network trained on "
        "the embeddings of the frozen model",
        "the released recipe validates on a random fifth of the training clips; how "
        "the epoch that is printed was chosen",
        "Ma et al. (2024), EmoBox, doi:10.21437/Interspeech.2024-788",
        {
            "Whisper large-v3": 0.7532,
            "WavLM large": 0.7200,
            "HuBERT large": 0.7000,
            "HuBERT base": 0.6543,
            "WavLM base": 0.6156,
            "wav2vec 2.0 base": 0.5433,
        },
    ),
    _Study(
        "emodb",
        7,
        "accuracy",
        "one speaker held out at a time; openSMILE features and a support vector "
        "machine with its usual settings",
        "the UAR; how many of the 1582 features were used; an interval",
        "Gjoreski, Gjoreski and Kulakov (2014), Machine learning approach for emotion "
        "recognition in speech, Informatica 38(4)",
        {"openSMILE, SVM": 0.73},
    ),
    _Study(
        "crema_d",
        6,
        "accuracy",
        "people who heard the voice alone, many to a clip; nobody was trained",
        "the UAR; an interval over speakers",
        "Cao et al. (2014), doi:10.1109/TAFFC.2014.2336244",
        {"human listeners": 0.409},
    ),
)


def published_results(dataset: str) -> pd.DataFrame:
    """List the scores that others published on a corpus.

    They come of other protocols: other features, folds, choices. So they stand
    apart in a `Comparison`, and are never ranked with ours.

    Parameters
    ----------
    dataset : str
        Name of a corpus.

    Returns
    -------
    DataFrame
        One row a system, the best first: ``score`` in [0, 1], ``measure`` (UAR
        or accuracy), ``n_emotions``, ``protocol``, ``unknown`` (what the source
        leaves open) and ``source``. Empty where none is known here.

    References
    ----------
    Ma et al. (2024), EmoBox, doi:10.21437/Interspeech.2024-788
    Cao et al. (2014), CREMA-D, doi:10.1109/TAFFC.2014.2336244
    Gjoreski, Gjoreski and Kulakov (2014), Informatica 38(4)

    Examples
    --------
    >>> published_results("ravdess")["score"].head(2).tolist()
    [0.7532, 0.72]
    >>> published_results("demo").empty
    True
    """
    rows = [
        (system, score, study.measure, study.n_emotions, *study[3:6])
        for study in _STUDIES
        if study.dataset == dataset
        for system, score in study.scores.items()
    ]
    columns = ["system", "score", "measure", "n_emotions", "protocol", "unknown"]
    table = pd.DataFrame(rows, columns=[*columns, "source"]).set_index("system")
    return table.sort_values("score", ascending=False, kind="stable")
