"""Early fusion of features: several embedders side by side."""

import numpy as np

from sertools.models.base import Composite, Embedder

SEPARATOR = "/"
"""Stands between the embedder and the feature in a fused column's name."""


class Fusion(Composite, Embedder):
    """Embed each waveform with several embedders and join the vectors.

    Columns are named ``"opensmile/loudness_sma3_amean"``, so that a head such
    as ``average`` can tell the sets apart.

    Parameters
    ----------
    parts : list of Embedder
        The embedders, in the order of the columns.

    Raises
    ------
    ValueError
        If one of them is not an embedder, or is there twice.
    """

    name = "fusion"
    title = "Several embedders side by side"
    license = "that of its parts"
    reference = ""
    variant = None

    def __init__(self, parts):
        self.parts = parts
        specs = [part.spec for part in parts]
        for part in parts:
            if not isinstance(part, Embedder):
                raise ValueError(f"{part.spec} is no embedder.")
            if specs.count(part.spec) > 1:
                raise ValueError(f"{part.spec} is there twice.")

    @property
    def _members(self) -> list[Embedder]:
        return self.parts

    @property
    def sampling_rate(self) -> int:
        """The parts' common rate, in Hz."""
        rates = {part.sampling_rate for part in self.parts}
        if len(rates) > 1:
            raise ValueError(
                f"{self.spec}: its parts take different rates {sorted(rates)}. "
                "Extract with sertools.features.extract, which decodes for each."
            )
        return rates.pop()

    def weights_sha256(self) -> dict[str, str] | None:
        """Give the parts' SHA-256 by name, for those that have weights."""
        digests = {part.spec: part.weights_sha256() for part in self.parts}
        return {spec: value for spec, value in digests.items() if value} or None

    def signature(self) -> dict[str, str]:
        """Give the parts' signatures by name."""
        return {part.spec: str(part.signature()) for part in self.parts}

    def _feature_names(self) -> list[str]:
        return [
            f"{part.spec}{SEPARATOR}{name}"
            for part in self.parts
            for name in part.get_feature_names_out()
        ]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return np.hstack([part.embed(waveforms) for part in self.parts])
