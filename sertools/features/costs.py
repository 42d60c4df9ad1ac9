"""What a system costs: the size of its weights on this machine."""

from pathlib import Path

from sertools.models.base import Model
from sertools.models.fusion import Fusion

__all__ = ["megabytes"]


def megabytes(model: Model) -> float | None:
    """Measure the files of a system's weights.

    Parameters
    ----------
    model : Model
        As `sertools.models.load` gives.

    Returns
    -------
    float or None
        In millions of bytes; 0 for a system that has none, such as openSMILE.
        ``None`` where it cannot be said, and for random weights.

    Examples
    --------
    >>> from sertools.models import load
    >>> megabytes(load("opensmile"))
    0.0
    """
    if model.tiny:
        return None
    if isinstance(model, Fusion):
        sizes = [megabytes(part) for part in model.parts]
        return None if None in sizes else sum(sizes)
    if model.weights_sha256() is None:
        return 0.0
    if not model.has_weights:  # an ensemble, whose members have them
        return None
    below = megabytes(model.embedder) if hasattr(model, "embedder") else 0.0
    return None if below is None else below + _bytes(model.weights_path()) / 1e6


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
