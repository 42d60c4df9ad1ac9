"""A table as the browser reads it: words as codes, numbers as float32."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

__all__ = ["columns"]


def columns(table: pd.DataFrame, names: Iterable[str]) -> dict[str, dict]:
    """Pack columns of a table for the browser, those that hold anything.

    Parameters
    ----------
    table : DataFrame
        Any.
    names : iterable of str
        Columns wanted; one that is missing or empty is passed over.

    Returns
    -------
    dict of dict
        By column: ``values``, the bytes of float32, for numbers; for anything
        else ``levels``, the words in order, and ``codes``, the bytes of int32
        (-1: nothing).

    Examples
    --------
    >>> packed = columns(pd.DataFrame({"sex": ["male", None, "female"]}), ["sex"])
    >>> packed["sex"]["levels"], np.frombuffer(packed["sex"]["codes"], "<i4").tolist()
    (['female', 'male'], [1, -1, 0])
    """
    return {
        name: _packed(table[name])
        for name in names
        if name in table and table[name].notna().any()
    }


def _packed(column: pd.Series) -> dict:
    if pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
        return {"values": column.to_numpy("<f4", na_value=np.nan).tobytes()}
    words = column.map(str, na_action="ignore").astype("category")
    codes = words.cat.codes.to_numpy("<i4")
    return {"levels": words.cat.categories.tolist(), "codes": codes.tobytes()}
