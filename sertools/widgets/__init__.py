"""What one listens to and clicks in a notebook."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Confusion": "matrix",
        "confusion": "matrix",
        "players": "listening",
    },
)
