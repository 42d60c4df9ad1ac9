"""What one look at the machine found."""

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True)
class Check:
    """What one look found.

    Parameters
    ----------
    name : str
        What was looked at.
    state : str
        ``"ok"``, ``"warn"`` (works, but worth knowing) or ``"fail"``.
    message : str
        What was found, in one line.
    mend : str
        The command, or the step, that mends it; empty where nothing needs to be.
    """

    name: str
    state: str
    message: str
    mend: str = ""
