"""A bar while long work goes on: in a terminal, in a notebook, not in a log."""

import os
import sys


def bar(total: int, label: str, unit: str = "clips", shown: bool = True):
    """Make a progress bar that removes itself when it is done.

    Examples
    --------
    >>> with bar(2, "Counting", shown=False) as counter:
    ...     _ = counter.update(2)
    """
    from tqdm import tqdm

    if os.environ.get("SERTOOLS_PROGRESS") == "0":
        shown = False
    elif _in_notebook():
        from tqdm.notebook import tqdm
    elif not sys.stderr.isatty():
        shown = False
    return tqdm(
        total=total, desc=label, unit=f" {unit}", leave=False, disable=not shown
    )


def _in_notebook() -> bool:
    """Say whether this is a Jupyter kernel, without importing IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
