"""Heads: classifiers trained on embeddings, as scikit-learn estimators."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Average": "average",
        "Best": "best",
        "LinearHead": "linear",
        "NormalRanks": "ranks",
        "SpeakerSVC": "svm",
        "Stack": "stack",
        "Tuned": "tuned",
        "UnitRotation": "rotation",
        "WeightedLinear": "weighted",
        "fit": "making",
        "make": "making",
        "named": "making",
        "names": "making",
        "reading_names": "making",
    },
)
