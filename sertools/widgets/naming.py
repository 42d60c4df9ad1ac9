"""Clips by name: the table that a widget shows, and names picked of it."""

import numpy as np
import pandas as pd
import traitlets

__all__ = ["Names", "answered", "named", "needs_result"]


class Names(traitlets.List):
    """Names of clips: a list, or what pandas gives: an index, a column, an array.

    Examples
    --------
    >>> class Some(traitlets.HasTraits):
    ...     clips = Names()
    >>> Some(clips=pd.Index(["a", "b"])).clips
    ['a', 'b']
    """

    def __init__(self, **settings):
        super().__init__(trait=traitlets.Unicode(), **settings)

    def validate(self, owner, value) -> list[str]:
        """Take names as a list of str."""
        if isinstance(value, pd.Index | pd.Series | np.ndarray | list | tuple | set):
            value = [str(name) for name in value]
        return super().validate(owner, value)


def needs_result(result) -> None:
    """Refuse what is no result, and say what is.

    Raises
    ------
    TypeError
        If it has no predictions.
    """
    if not hasattr(result, "predictions"):
        raise TypeError(
            f"result: a Result is needed, not {_kind(result)}. For a table of "
            "predictions: evaluation.from_predictions(table)."
        )


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Index a copy of a table by its clips' names, as str.

    Parameters
    ----------
    table : DataFrame
        The names are its column ``clip``, or its index.

    Raises
    ------
    TypeError
        If it is no table.
    ValueError
        If it has no rows, a clip has no name, or a clip is there twice.

    Examples
    --------
    >>> named(pd.DataFrame({"clip": [1, 2], "sex": ["male", "female"]})).index.tolist()
    ['1', '2']
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"clips: a table is needed, not {_kind(table)}. datasets.load gives one."
        )
    table = table.set_index("clip") if "clip" in table else table.copy()
    if not len(table):
        raise ValueError("The table has no clips.")
    if table.index.nlevels > 1:
        raise ValueError("The table's index has several levels; a clip has one name.")
    if table.index.hasnans:
        at = int(np.flatnonzero(table.index.isna())[0])
        raise ValueError(f"Row {at} has no clip's name.")
    names = [str(name) for name in table.index]
    table.index = pd.Index(names, dtype=object, name="clip")  # quickest to look up in
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise ValueError(f"Clip {twice!r} is there twice.")
    return table


def answered(table: pd.DataFrame, result) -> pd.DataFrame:
    """Join what a model answered to the clips' own columns, by name.

    What the clips are is taken from the table where it says so, and what was
    answered always from the result.
    """
    if result is None:
        return table
    needs_result(result)
    answers = result.predictions.set_index("clip")
    theirs = ["predicted", *result.classes]
    table = table.drop(columns=[name for name in theirs if name in table])
    return table.join(answers[[name for name in answers if name not in table]])


def _kind(thing: object) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"
