"""Clips and a model become a table of features, one row a clip."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "NOT_SURE": "deciding",
        "degraded": "degrading",
        "export": "exporting",
        "extract": "extraction",
        "families": "grouping",
        "long_recording": "stringing",
        "score": "extraction",
        "smoothed": "smoothing",
        "standardize": "scaling",
        "standardize_by_speaker": "scaling",
        "telling": "ranking",
        "timeline": "recordings",
        "verdict": "deciding",
        "verdicts": "deciding",
    },
)
