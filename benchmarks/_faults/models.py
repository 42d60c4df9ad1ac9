"""Weights and heads that are pointers, zeros, damaged, or programs."""

import random

from _faults import heads, networks
from _faults.trying import Try


def tries(seed: int) -> list[Try]:
    """List what is tried."""
    draw = random.Random(seed)
    return [*networks.tries(draw), *heads.tries(draw)]
