"""Clips and a model become a table of features, one row a clip."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "degraded": "degrading",
        "extract": "extraction",
        "families": "grouping",
        "score": "extraction",
        "standardize": "scaling",
        "standardize_by_speaker": "scaling",
        "telling": "ranking",
        "timeline": "recordings",
    },
)
