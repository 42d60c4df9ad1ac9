"""A small process that outlives this one, to end what this one leaves behind.

A kernel looks for its parent once a second, and not at all while it is deep in
native code; its own children never look. So a guard waits at the end of a pipe.
However this process ends, kill -9 included, the pipe closes, and the guard kills
every kernel that it was told of, with its session.
"""

import contextlib
import os
import subprocess
import sys
import threading

__all__ = ["forget", "protect"]

_GUARD = """
import os, signal, sys
sessions = set()
for line in sys.stdin:
    (sessions.add if line[0] == "+" else sessions.discard)(int(line[1:]))
for session in sessions:
    try:
        os.killpg(session, signal.SIGKILL)
    except OSError:
        pass
"""
_lock = threading.Lock()
_guard: subprocess.Popen | None = None


def protect(session: int) -> None:
    """See to it that a session of processes does not outlive this process.

    Parameters
    ----------
    session : int
        Process id of its leader.
    """
    _tell(f"+{session}\n")


def forget(session: int) -> None:
    """Leave a session alone again: it has ended."""
    _tell(f"-{session}\n")


def _tell(line: str) -> None:
    global _guard
    if os.name != "posix":
        return
    with _lock, contextlib.suppress(OSError):  # without a guard, kernels look alone
        if _guard is None or _guard.poll() is not None:
            _guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARD],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # out of reach of Ctrl-C
            )
        _guard.stdin.write(line.encode())
        _guard.stdin.flush()
