"""Layers of an encoder: which are asked for, and how a name says so."""

import re
from collections.abc import Sequence

import numpy as np

Layers = int | str | Sequence[int] | None
_LAYER = re.compile(r"layer(0|[1-9]\d*)")


def read_layers(options: Sequence[str]) -> Layers:
    """Read what follows a colon: none, ``layers``, or one ``layer4`` after another.

    Examples
    --------
    >>> read_layers([]), read_layers(["layers"]), read_layers(["layer3", "layer6"])
    (None, 'all', [3, 6])
    """
    if list(options) == ["layers"]:
        return "all"
    numbers = [_LAYER.fullmatch(option) for option in options]
    if not all(numbers):
        raise ValueError(f"no layers: {':'.join(options)}")
    numbers = [int(number[1]) for number in numbers]
    return numbers if len(numbers) > 1 else numbers[0] if numbers else None


def spell_layers(layers: Layers, count: int | None = None) -> list[str]:
    """Spell layers as `read_layers` reads them.

    Examples
    --------
    >>> spell_layers("last"), spell_layers(4), spell_layers([6, 3])
    ([], ['layer4'], ['layer3', 'layer6'])
    """
    numbers = numbers_of(layers, count)
    every = isinstance(layers, str) and layers == "all"
    return ["layers"] if every else [f"layer{number}" for number in numbers]


def numbers_of(layers: Layers, count: int | None = None) -> tuple[int, ...]:
    """Give the numbers of the blocks asked for; none: what leaves the encoder.

    Raises ValueError where it is no layer of an encoder of `count` blocks; 0 is what
    enters the first.
    """
    if layers is None or (isinstance(layers, str) and layers == "last"):
        return ()
    if isinstance(layers, str) and layers == "all":
        return tuple(range(1, (count or 0) + 1))
    numbers = sorted({*np.ravel(layers).tolist()})
    whole = all(isinstance(number, int) for number in numbers)
    if not numbers or not whole or numbers[0] < 0 or numbers[-1] > (count or np.inf):
        there = f"there are 0 to {count}" if count else "0 is what enters the first"
        raise ValueError(
            f"No layers {layers!r}: give None, a number, a list of them, or 'all'; "
            f"{there}."
        )
    return tuple(numbers)


def name_columns(width: int, layers: Sequence[int]) -> list[str]:
    """Name the columns of embeddings; by layer where there are several.

    Examples
    --------
    >>> name_columns(1, [4]), name_columns(1, [4, 6])
    (['embedding0'], ['layer4/embedding0', 'layer6/embedding0'])
    """
    names = [f"embedding{i}" for i in range(width)]
    if len(layers) < 2:
        return names
    return [f"layer{layer}/{name}" for layer in layers for name in names]
