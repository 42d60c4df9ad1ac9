"""Train a head, or a system that trains whole, and save it with its honest score."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {"check_out": "places", "facts": "places", "train": "making"},
)
