"""What one listens to and clicks in a notebook."""

from sertools.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "ClipBrowser": "browsing",
        "Confusion": "matrix",
        "EmbeddingMap": "space",
        "Recorder": "recording",
        "Timeline": "along",
        "clip_browser": "browsing",
        "confusion": "matrix",
        "embedding_map": "space",
        "players": "listening",
        "recorder": "recording",
        "timeline": "along",
    },
)
