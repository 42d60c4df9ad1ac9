"""One weight a layer, learned together with a linear layer on their sum."""

from collections.abc import Callable

import numpy as np
from scipy.special import softmax

from sertools.extras import require
from sertools.models.heads.average import fused_sets
from sertools.models.heads.linear import LinearHead

__all__ = ["WeightedLinear"]


class WeightedLinear(LinearHead):
    """Add up a network's layers, each with a learned weight; then `LinearHead`.

    Which layer of a speech network knows most about emotion may not be looked
    up on the test clips. Here the layers' weights sum to one, start equal, and
    are learned together with the linear layer, on training clips only.

    It takes all layers side by side, as ``whisper:base:layers`` gives them, and
    reads from the columns' names (``"layer4/embedding17"``) which belong
    together; features without such names are one layer. Parameters are those
    of `LinearHead`.

    Attributes
    ----------
    shares_ : dict of str to float
        The layers' weights, the mean over the runs.

    Raises
    ------
    ValueError
        On fitting, if the layers are not equally wide.

    References
    ----------
    Yang et al. (2021), SUPERB, doi:10.21437/Interspeech.2021-1775
    """

    def fit(self, X, y, groups=None):
        """Fit on features (n, d) and emotions (n,); `groups` says who speaks."""
        names = getattr(X, "columns", [""] * np.shape(X)[1])
        columns = fused_sets(names)
        if len(set(map(len, columns.values()))) > 1:
            told = ", ".join(f"{name}: {len(own)}" for name, own in columns.items())
            raise ValueError(f"Layers of unequal width cannot be added up ({told}).")
        self._columns = np.array(list(columns.values()))
        self._shares = []
        super().fit(X, y, groups)
        mean = np.mean(self._shares, axis=0).tolist()
        self.shares_ = dict(zip(columns, mean, strict=True))
        del self._columns, self._shares
        return self

    def _start(self, width: int) -> tuple[Callable, list]:
        torch = require("torch")
        columns = torch.from_numpy(self._columns)
        pull = torch.zeros(len(columns), requires_grad=True)
        layer = torch.nn.Linear(columns.shape[1], len(self.classes_))

        def answer(X):
            return layer(torch.einsum("nld,l->nd", X[:, columns], pull.softmax(0)))

        return answer, [pull, *layer.parameters()]

    def _layer(self, pull, weight, bias) -> tuple[np.ndarray, np.ndarray]:
        """Write the sum and the layer on it as one linear layer on all columns."""
        shares = softmax(pull)
        self._shares.append(shares)
        whole = np.empty((len(weight), self._columns.size), np.float32)
        for share, own in zip(shares, self._columns, strict=True):
            whole[:, own] = share * weight
        return whole, bias
