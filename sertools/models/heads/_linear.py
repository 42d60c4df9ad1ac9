"""Linear probes in torch: early stopping on speakers, learned layer weights."""

from collections.abc import Callable

import numpy as np
from scipy.special import softmax
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sertools.extras import require
from sertools.models.heads._average import fused_sets
from sertools.models.heads._base import Head
from sertools.models.heads._held_out import held_out


class LinearHead(Head):
    """One ``torch.nn.Linear``, stopped early on held-out speakers.

    Each of several runs holds out other training speakers, stops where their
    class-balanced loss was lowest, and keeps those parameters; probabilities
    are the mean over the runs.

    Parameters
    ----------
    runs : int, default 5
        Number of runs, each from its own seed.
    epochs : int, default 300
        At most so many steps over all training clips.
    patience : int, default 30
        Stop after so many steps without a lower loss.
    learning_rate, weight_decay : float
        Of AdamW.
    seed : int, default 0
        First of the seeds.
    """

    def __init__(
        self,
        runs=5,
        epochs=300,
        patience=30,
        learning_rate=0.01,
        weight_decay=0.01,
        seed=0,
    ):
        self.runs = runs
        self.epochs = epochs
        self.patience = patience
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.seed = seed

    def fit(self, X, y, groups=None):
        """Fit on features (n, d) and emotions (n,); `groups` says who speaks."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.layers_ = []
        torch = require("torch")
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # a layer this small only waits for the others
        try:
            for seed in range(self.seed, self.seed + self.runs):
                splits = held_out(codes, groups, folds=5, seed=seed)
                everything = np.arange(len(codes))
                train, check = splits[0] if splits else (everything, everything)
                self.layers_.append(self._train(X, codes, train, check, seed))
        finally:
            torch.set_num_threads(threads)
        return self

    def _train(self, X, codes, train, check, seed) -> tuple[np.ndarray, np.ndarray]:
        torch = require("torch")
        torch.manual_seed(seed)
        answer, parameters = self._start(X.shape[1])
        weight = np.ones(len(self.classes_), np.float32)
        present = np.unique(codes[train])
        weight[present] = compute_class_weight(
            "balanced", classes=present, y=codes[train]
        )
        loss = torch.nn.CrossEntropyLoss(torch.from_numpy(weight))
        optimiser = torch.optim.AdamW(
            parameters, lr=self.learning_rate, weight_decay=self.weight_decay
        )
        X, codes = torch.from_numpy(X), torch.from_numpy(codes)
        best, kept, since = np.inf, None, 0
        for _ in range(self.epochs):
            optimiser.zero_grad()
            loss(answer(X[train]), codes[train]).backward()
            optimiser.step()
            with torch.no_grad():
                now = loss(answer(X[check]), codes[check]).item()
            since += 1
            if now < best:
                best, since = now, 0
                kept = [p.detach().numpy().copy() for p in parameters]
            if since >= self.patience:
                break
        return self._layer(*kept)

    def _start(self, width: int) -> tuple[Callable, list]:
        """Give what is trained: a function from rows to logits, its parameters."""
        layer = require("torch").nn.Linear(width, len(self.classes_))
        return layer, list(layer.parameters())

    def _layer(self, weight, bias) -> tuple[np.ndarray, np.ndarray]:
        """Give weight (k, d) and bias (k,) from the parameters kept."""
        return weight, bias

    def predict_proba(self, X) -> np.ndarray:
        """Give the mean probabilities, shape (n, k), columns as in ``classes_``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        runs = [softmax(X @ weight.T + bias, axis=1) for weight, bias in self.layers_]
        return np.mean(runs, axis=0, dtype=np.float64)


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
