"""A lock between processes that is free again when its holder dies."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def holding(path: str | os.PathLike, wait: bool = True) -> Iterator[bool]:
    """Hold a lock: one holder at a time, among all processes and threads.

    The system lets go of it however the holder ends, kill -9 included. The file
    is removed at the end.

    Parameters
    ----------
    path : path-like
        A file that stands for the lock; its folder exists.
    wait : bool, default True
        Wait until the lock is free.

    Yields
    ------
    bool
        Whether the lock is held; without `wait`, False if somebody else holds it.

    Raises
    ------
    OSError
        If the file system knows no locks, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "door.lock"
    >>> with holding(path) as first, holding(path, wait=False) as second:
    ...     first, second
    (True, False)
    """
    descriptor = _taken(Path(path), wait)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            Path(path).unlink(missing_ok=True)  # first, while nobody else has it
            _let_go(descriptor)


def _taken(path: Path, wait: bool) -> int | None:
    import fcntl

    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        if _is_still(path, descriptor):
            return descriptor
        _let_go(descriptor)  # the last holder removed the file meanwhile


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _let_go(descriptor: int) -> None:
    """Unlock for all copies of the descriptor, such as a forked child's."""
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
