"""Corpora: one file of facts each; the folder is the registry."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Archive": "base",
        "Audit": "verdict",
        "Dataset": "base",
        "Overview": "glance",
        "audit": "auditing",
        "card": "registry",
        "fetch": "retrieval",
        "find": "registry",
        "get": "registry",
        "load": "registry",
        "names": "registry",
        "overview": "glance",
        "select": "selection",
    },
)
