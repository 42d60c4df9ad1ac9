"""Find what commonly breaks on a machine, and the command that mends it."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {"Check": "check", "examine": "examination"},
)
