"""Look at everything that commonly breaks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from sertools.doctor.check import Check
from sertools.doctor.looks import LOOKS
from sertools.doctor.trials import trials

__all__ = ["examine"]


def examine(quick: bool = False) -> Iterator[Check]:
    """Look at everything that commonly breaks, quick things first.

    Parameters
    ----------
    quick : bool, default False
        Leave out the trials, which import every package and compute features.

    Yields
    ------
    Check
        One look after the other, each as soon as it is done.

    Examples
    --------
    >>> first = next(examine())
    >>> first.name, first.state
    ('python', 'ok')
    """
    for look in LOOKS:
        yield look()
    if quick:
        return
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield from pool.map(lambda trial: trial(), trials())
