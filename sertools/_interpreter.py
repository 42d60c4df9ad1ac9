"""Processes of Python, started so that none runs a module of the current folder.

A folder of recordings may hold a ``json.py``; Python would import it.
"""

import os
import sys
from pathlib import Path

SAFE = {"PYTHONSAFEPATH": "1"}
"""In the environment, it keeps every child of a child from the folder, too."""


def command(*arguments: str) -> list[str]:
    """Give the words that start this interpreter, the current folder out of reach."""
    return [sys.executable, "-P", *arguments]


def environment() -> dict[str, str]:
    """Give the environment of such a process: what is found here is found there.

    Whoever has the current folder on the path by choice, as a notebook has, finds
    its own modules there behind all others, so that none takes another's place.
    """
    named = [place for place in sys.path if os.path.isabs(place)]
    folder = [] if len(named) == len(sys.path) else [os.getcwd()]
    path = list(dict.fromkeys([*named, *folder]))
    return {**os.environ, **SAFE, "PYTHONPATH": os.pathsep.join(path)}


def leave_folder() -> None:
    """Take the current folder, which nobody asked for, off this process's path."""
    home = Path(__file__).resolve().parent.parent
    given = [
        os.path.abspath(place)
        for place in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if os.path.isabs(place)
    ]
    kept = {str(home), *given}
    sys.path[:] = [
        place
        for place in sys.path
        if place in kept or (os.path.isabs(place) and place != os.getcwd())
    ]
