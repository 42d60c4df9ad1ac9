"""The command `sertools`: one file a command."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {"main": "entry"},
)
