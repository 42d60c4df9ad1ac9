"""Turn standard error away while a library starts, C++ and all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["silenced"]


@contextmanager
def silenced() -> Iterator[None]:
    """Drop what a library writes to standard error while it starts.

    TensorFlow's first lines come before it looks at any setting, from C++, so
    that only the file descriptor itself can be turned away.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
