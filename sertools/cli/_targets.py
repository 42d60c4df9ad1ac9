"""Where a command writes: looked at before the work; nothing of others is touched."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sertools.cli._parser import BadUsage

_HEAD = 4096  # bytes of a file by which it is known
_RUN = "run.json"
_RESULTS = {
    *("metrics.json", "predictions.parquet", "features.parquet", "clips.parquet"),
    _RUN,
}


def file(
    place: str | None,
    option: str,
    ours: Callable[[str], bool],
    inputs: Iterable[str | os.PathLike | None] = (),
) -> None:
    """Refuse to write a file where an input lies, or anything that is not ours.

    `ours` says of the start of a text whether it is an earlier output.
    """
    if place is None:
        return
    path = Path(place)
    _check_reach(path, option)
    _check_inputs([path], option, inputs)
    if path.is_dir():
        raise BadUsage(f"{place}: a folder. {option} takes a file.")
    if os.path.lexists(path) and not path.exists():
        raise BadUsage(f"{place}: a link that leads nowhere. {_other(option)}")
    if path.exists() and not path.is_file():
        raise BadUsage(f"{place}: a pipe or a device, not a file. {_other(option)}")
    if path.exists() and path.stat().st_size and not _is_ours(path, ours):
        raise BadUsage(
            f"{place}: there is a file already that {option} did not write. "
            f"{_other(option)}"
        )


def folder(
    place: str | None,
    option: str,
    ours: Callable[[Path], bool],
    inputs: Iterable[str | os.PathLike | None] = (),
    files: Sequence[str] = (),
) -> None:
    """Refuse to fill a folder that is an input, or holds what is not ours.

    `files` are those that are written there.
    """
    if place is None:
        return
    path = Path(place)
    _check_reach(path, option)
    _check_inputs([path, *(path / name for name in files)], option, inputs)
    if path.exists() and not path.is_dir():
        raise BadUsage(f"{place}: a file. {option} takes a folder.")
    if path.is_dir() and any(path.iterdir()) and not ours(path):
        raise BadUsage(
            f"{place}: a folder that holds other things than {option} writes. "
            f"{_other(option)}"
        )


def holds_a_run(path: Path) -> bool:
    """Say whether a folder holds what `recording` writes, or results and no more."""
    if {one.name for one in path.iterdir()} <= _RESULTS:
        return True
    try:
        about = json.loads((path / _RUN).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(about, dict) and "schema_version" in about


def holds_only(ours: Callable[[str], bool], ending: str) -> Callable[[Path], bool]:
    """Make the question whether a folder holds nothing but our files of a kind."""

    def check(path: Path) -> bool:
        return all(
            one.suffix == ending and one.is_file() and _is_ours(one, ours)
            for one in path.iterdir()
        )

    return check


def _check_reach(path: Path, option: str) -> None:
    """See that the folder above is one, and may be written to."""
    try:
        above = next(one for one in path.absolute().parents if one.exists())
        below = path if path.is_dir() else above
    except (OSError, ValueError) as error:  # a name too long, a NUL
        reason = getattr(error, "strerror", None) or error
        raise BadUsage(f"{path}: {reason}. {_other(option)}") from None
    if not above.is_dir():
        raise BadUsage(f"{path}: {above} is no folder. {_other(option)}")
    if not os.access(below, os.W_OK | os.X_OK):
        raise BadUsage(f"{path}: {below} cannot be written to. {_other(option)}")


def _check_inputs(places: Sequence[Path], option: str, inputs) -> None:
    there = [place for place in places if place.exists()]
    for given in filter(None, inputs):
        source = Path(given).expanduser()
        same = [p for p in there if source.exists() and os.path.samefile(p, source)]
        if same:
            raise BadUsage(f"{same[0]}: the input {given}. {_other(option)}")


def _other(option: str) -> str:
    return f"Give {option} another place."


def _is_ours(path: Path, ours: Callable[[str], bool]) -> bool:
    try:
        with path.open("rb") as opened:
            head = opened.read(_HEAD)
    except OSError:
        return False
    return b"\0" not in head and ours(head.decode("utf-8", "replace"))
