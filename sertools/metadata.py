"""Metadata of tables: what clips, features and timelines are made of, beside the rows.

It lies as plain data under one key of ``DataFrame.attrs``, so that it survives what
pandas does to a table, and a Parquet file. Read it with ``ClipsMetadata.of(clips)``,
``FeaturesMetadata.of(X)`` or ``TimelineMetadata.of(table)``.
"""

import copy
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ClipsMetadata", "FeaturesMetadata", "TimelineMetadata"]

KEY = "sertools"
"""The only key of ``DataFrame.attrs`` that is read here.

``attrs["excluded"]`` is written for people: it is the same list.
"""


@dataclass
class Metadata:
    """What every kind of metadata can do."""

    @classmethod
    def of(cls, table: "pd.DataFrame") -> Self:
        """Read the metadata of a table; where it has none, what stands for unknown."""
        kept = copy.deepcopy(getattr(table, "attrs", {}).get(KEY, {}))
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in kept.items() if name in known})

    @classmethod
    def update(cls, table: "pd.DataFrame", **facts) -> "pd.DataFrame":
        """Change some facts of a table in place, and give the table.

        Examples
        --------
        >>> import pandas as pd
        >>> X = FeaturesMetadata.update(pd.DataFrame(), model="mine")
        >>> FeaturesMetadata.of(X).model
        'mine'
        """
        return replace(cls.of(table), **facts).attach(table)

    def attach(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Write this to a table, in the place of what was there, and give the table."""
        table.attrs[KEY] = asdict(self)
        if hasattr(self, "excluded"):
            table.attrs["excluded"] = self.excluded or []
        return table


def inherit(table: "pd.DataFrame", source: "pd.DataFrame") -> "pd.DataFrame":
    """Give a table that was made of another one what that one's ``attrs`` hold."""
    table.attrs = copy.deepcopy(source.attrs)
    return table


@dataclass
class ClipsMetadata(Metadata):
    """Metadata of a clips table: what was left out of it, and why.

    Parameters
    ----------
    excluded : list of dict
        ``clip`` and ``reason`` of each file that cannot be used.
    filtered : dict of str to int
        Clips left out by choice, counted by reason.
    unshared : list of (str, str, int)
        Of those: corpus, emotion and number of clips of emotions that not every
        corpus has, where corpora were joined.
    away : list of str
        Corpora that were joined, and are not in the table any more.
    repeated : int
        Copies of clips that were passed over.
    notes : list of str
        What had to be understood to read a table: its separator, its columns.
    """

    excluded: list[dict] = field(default_factory=list)
    filtered: dict[str, int] = field(default_factory=dict)
    unshared: list[tuple[str, str, int]] = field(default_factory=list)
    away: list[str] = field(default_factory=list)
    repeated: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class FeaturesMetadata(Metadata):
    """Metadata of features or scores: which model made them, of which clips.

    Parameters
    ----------
    model : str, optional
        As a person would name it.
    random_weights : bool
        Whether its weights are random, so that no number means anything.
    weights_sha256 : str, optional
        Of its weights.
    training_corpora : list of str or "unknown", optional
        Corpora that it was trained on; ``"unknown"`` where nobody can say, and
        ``None`` where nothing was said.
    megabytes : float, optional
        Of its weights.
    corpus_sha256 : str, optional
        Sums up which clips, with which audio and emotion, were looked at.
    seconds_per_clip : float, optional
        On the clock, with all that it took; ``None`` where the store gave any.
    excluded : list of dict, optional
        ``clip`` and ``reason`` of each clip without features.
    silent : list of str
        Clips that are used, and silent.
    """

    model: str | None = None
    random_weights: bool = False
    weights_sha256: str | None = None
    training_corpora: list[str] | str | None = None
    megabytes: float | None = None
    corpus_sha256: str | None = None
    seconds_per_clip: float | None = None
    excluded: list[dict] | None = None
    silent: list[str] = field(default_factory=list)


@dataclass
class TimelineMetadata(Metadata):
    """Metadata of the scores of a recording over time, or of its segments of speech.

    Parameters
    ----------
    model : str, optional
        As a person would name it.
    random_weights : bool
        Whether its weights are random.
    recording : str
        The file's name, or "".
    seconds : float, optional
        The recording's length.
    method : str, optional
        How speech was found.
    """

    model: str | None = None
    random_weights: bool = False
    recording: str = ""
    seconds: float | None = None
    method: str | None = None
