"""What a saved head may be made of: its types, its sizes, and every number in it.

skops makes nothing but known types, and leaves their numbers as they come; some of
scikit-learn follows these without looking, anywhere in memory.
"""

import io
import json
import warnings
import zipfile
from collections.abc import Iterator

LARGEST = 2**31  # bytes, unfolded
_LARGEST_SCHEMA = 2**26
_TEMPERATURES = 0.01, 100  # beyond that, answers are all alike or all certain
_MOST_FEATURES, _MOST_CLASSES, _MOST_JOBS = 10**6, 10**4, 1024
_UNKNOWN_ENDS = (("low", None), ("high", None))  # of an interval
_KERNELS = ("linear", "poly", "rbf", "sigmoid", "precomputed")

# What heads are made of, by the loader of skops that may make it: estimators that
# reckon in numpy, which looks at bounds, and two that don't and are checked here
# number by number, SVC and Tree. What skops trusts is more than was looked at.
_ESTIMATORS = {
    "calibration": "CalibratedClassifierCV _CalibratedClassifier "
    "_SigmoidCalibration _TemperatureScaling",
    "decomposition._pca": "PCA",
    "discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "dummy": "DummyClassifier",
    "ensemble._bagging": "BaggingClassifier",
    "ensemble._forest": "ExtraTreesClassifier RandomForestClassifier",
    "ensemble._weight_boosting": "AdaBoostClassifier",
    "isotonic": "IsotonicRegression",
    "linear_model._logistic": "LogisticRegression LogisticRegressionCV",
    "multiclass": "OneVsRestClassifier",
    "naive_bayes": "BernoulliNB ComplementNB GaussianNB MultinomialNB",
    "pipeline": "Pipeline",
    "preprocessing._data": "MaxAbsScaler MinMaxScaler Normalizer PowerTransformer "
    "QuantileTransformer RobustScaler StandardScaler",
    "preprocessing._label": "LabelBinarizer LabelEncoder",
    "svm._classes": "LinearSVC SVC",
    "tree._classes": "DecisionTreeClassifier ExtraTreeClassifier",
}
_OWN = {
    "_average.Average",
    "_linear.LinearHead",
    "_linear.WeightedLinear",
    "_model_selection.Best",
    "_preprocessing.OrthogonalProjection",
    "_preprocessing.RankGauss",
    "_tuning.Tuned",
    "_svm.SpeakerSVC",
}
_TREE = "sklearn.tree._tree.Tree"
_NUMBERS = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 str_"
_PLAIN = {"builtins.str", "builtins.int", "builtins.float", "builtins.bool"}
_KNOWN = {
    "DictNode": {"builtins.dict", "collections.OrderedDict"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "JsonNode": {"builtins.str"},
    "TypeNode": {*_PLAIN, *(f"numpy.{name}" for name in _NUMBERS.split())},
    "NdArrayNode": {"numpy.ndarray", *(f"numpy.{name}" for name in _NUMBERS.split())},
    "TreeNode": {_TREE},
    "ObjectNode": {
        *(f"sertools.models.heads.{name}" for name in _OWN),
        *(
            f"sklearn.{m}.{n}"
            for m, names in _ESTIMATORS.items()
            for n in names.split()
        ),
    },
}


def schema(stored: bytes) -> dict:
    """Read what a head saved with skops is made of."""
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        if archive.getinfo("schema.json").file_size > _LARGEST_SCHEMA:
            raise ValueError("its schema.json is too large.")
        return json.loads(archive.read("schema.json"))


def _nodes(schema) -> Iterator[dict]:
    """Walk through everything that skops might take for an object."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("__loader__"), str):
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def foreign(schema) -> list[str]:
    """List the types that are not known, or not to be made in that way."""
    names = {
        f"{node.get('__module__')}.{node.get('__class__')}"
        for node in _nodes(schema)
        if f"{node.get('__module__')}.{node.get('__class__')}"
        not in _KNOWN.get(node["__loader__"], ())
    }
    return sorted(names)


def check_schema(schema, stored: bytes) -> None:
    """Refuse a head that unfolds by repeating itself, or trees made with odd sizes."""
    nodes = list(_nodes(schema))
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        files = [node["file"] for node in nodes if "file" in node]
        total = sum(archive.getinfo(name).file_size for name in files)
        if total > LARGEST:
            raise ValueError(f"unfolds to {total} bytes.")
        made = [
            node["__reduce__"]["args"]
            for node in nodes
            if node["__loader__"] == "TreeNode"
        ]
        _check_alone(made, nodes)
        for args in made:
            _check_made(args["content"], archive)


def known() -> set[str]:
    """List the types that heads may hold."""
    return set().union(*_KNOWN.values())


def _check_alone(made: list[dict], nodes: list[dict]) -> None:
    """Refuse two objects under one number, of which skops would take the first."""
    asked = {part.get("__id__") for args in made for part in (args, *args["content"])}
    first: dict = {}
    for node in nodes:
        number = node.get("__id__")
        if number and number in asked:
            bare = _bare(node)
            if first.setdefault(number, bare) != bare:
                raise ValueError("two objects under one number.")


def _bare(node):
    """Take the numbers of objects off a description."""
    if isinstance(node, dict):
        return {key: _bare(value) for key, value in node.items() if key != "__id__"}
    return [_bare(part) for part in node] if isinstance(node, list) else node


def _check_made(made: list, archive) -> None:
    """Check what a Tree is made with; it reads one class count for each output."""
    import numpy as np

    features, counts, outputs = made
    counts = np.load(io.BytesIO(archive.read(counts["file"])), allow_pickle=False)
    features, outputs = (json.loads(node["content"]) for node in (features, outputs))
    _number("number of features", features, 1, _MOST_FEATURES, whole=True)
    if outputs != 1 or counts.shape != (1,):
        raise ValueError("a decision tree points outside itself.")
    _number("number of classes", counts.item(), 1, _MOST_CLASSES, whole=True)


def check_numbers(head) -> None:
    """Check every number within a head that has a range, and what numpy won't."""
    for value, name, width in _inside(head):
        kind = type(value)
        if kind.__module__ == "sklearn.tree._tree":
            _check_tree(value, width)
        elif kind.__module__ == "sklearn.svm._classes" and kind.__name__ == "SVC":
            _check_svc(value)
        if "tree_" in getattr(value, "__dict__", ()):
            _number(
                "number of classes",
                value.tree_.max_n_classes,
                *[len(value.classes_)] * 2,
            )
        for attribute in getattr(value, "__dict__", ()):
            if hasattr(kind, attribute):  # would stand for a method
                raise ValueError(f"its {attribute} is no number.")
        _check_value(value, name, width)


def _inside(head) -> Iterator[tuple]:
    """Walk through a head: each object, its attribute's name, and the features asked.

    Trees are asked with all features of the forest that they stand in.
    """
    waiting, seen = [(head, "", _MOST_FEATURES)], set()
    while waiting:
        value, name, width = waiting.pop()
        if isinstance(value, type):
            continue
        if not isinstance(value, int | float | str | None):
            if (id(value), width, name) in seen:
                continue
            seen.add((id(value), width, name))
        own = getattr(value, "__dict__", {})
        if {"tree_", "estimators_", "sets_", "columns_", "shape_fit_"} & {*own}:
            asked = own.get("n_features_in_")
            _number("n_features_in_", asked, 1, _MOST_FEATURES, whole=True)
            width = min(width, asked)
        yield value, name, width
        if isinstance(value, list | tuple):
            parts = [(part, name) for part in value]
        elif getattr(getattr(value, "dtype", None), "hasobject", False):
            parts = [(part, name) for part in value.flat]
        elif isinstance(value, dict):
            parts = [(part, name) for part in value.values()]
        else:
            parts = [(part, key) for key, part in own.items()]
        waiting += [(*part, width) for part in parts]


def _check_value(value, name: str, width: int) -> None:
    """Check a number, or an array of them, by the attribute that it stands in."""
    import numpy as np

    if name == "n_jobs" and value is not None:
        _number(name, value, -_MOST_JOBS, _MOST_JOBS, whole=True)
    if getattr(value, "ndim", 0) > 0 and value.dtype.names:
        raise ValueError(f"its {name} is no number.")
    if isinstance(value, bool | str | None) or not isinstance(
        value, int | float | np.number | np.ndarray
    ):
        return
    if name in ("sets_", "columns_"):
        _number(name, value, 0, width - 1, whole=True)
    if not name.endswith("_") and not name.startswith("_"):
        return  # a setting, of training most often: infinity may be one
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "biuf":
        return
    if not np.isfinite(numbers).all():
        raise ValueError(f"its {name} is not finite.")
    if name in ("temperature_", "temperatures_", "beta_"):
        for number in numbers.flat:
            _number(name, float(number), *_TEMPERATURES)
    if name in ("scale_", "gamma_") and not (numbers > 0).all():
        raise ValueError(f"its {name} is not above 0.")


def _number(name: str, value, low, high, whole: bool = False) -> None:
    """Refuse what is no number from a range; NaN is in none."""
    import numpy as np

    kinds = int | np.integer if whole else int | float | np.number
    sound = isinstance(value, kinds) and not isinstance(value, bool)
    if not (sound and low <= value <= high):
        raise ValueError(f"its {name} is {str(value)[:40]}, not from {low} to {high}.")


def _check_tree(tree, width: int) -> None:
    """Refuse a decision tree that points outside itself or its features.

    scikit-learn follows these numbers without looking, anywhere in memory.
    """
    import numpy as np

    sound = 0 < tree.node_count <= tree.capacity  # else these are foreign, too
    if sound:
        nodes, values = (tree.__getstate__()[part] for part in ("nodes", "values"))
        sides = nodes["left_child"], nodes["right_child"]
        inner, place = sides[0] != -1, np.arange(len(nodes))
        onward = [((side > place) & (side < len(nodes)))[inner] for side in sides]
        asked = nodes["feature"][inner]
        known = (asked >= 0) & (asked < min(width, tree.n_features))
        sound = all(checked.all() for checked in (*onward, known))
    if not sound:
        raise ValueError("a decision tree points outside itself.")
    if np.isnan(nodes["threshold"]).any() or not np.isfinite(values).all():
        raise ValueError("a decision tree's numbers are not finite.")


def _check_svc(svc) -> None:
    """Refuse a support vector machine whose sizes do not go together.

    libsvm takes them at their word, and reads on behind an array that is shorter.
    """
    import numpy as np

    if not any(name.endswith("_") for name in vars(svc)):
        return  # a setting of another head: it answers nothing
    n_classes, n_support = len(svc.classes_), len(svc.support_)
    pairs = n_classes * (n_classes - 1) // 2
    rows, columns = svc.shape_fit_
    _number("number of classes", n_classes, 2, _MOST_CLASSES)
    _number("shape_fit_", rows, 1, 2**31 - 1, whole=True)
    _number("shape_fit_", columns, svc.n_features_in_, svc.n_features_in_)
    given = svc.kernel == "precomputed"
    due = {
        "support_": (n_support,),
        "support_vectors_": (0, 0) if given else (n_support, columns),
        "_n_support": (n_classes,),
        **dict.fromkeys(("dual_coef_", "_dual_coef_"), (n_classes - 1, n_support)),
        **dict.fromkeys(("intercept_", "_intercept_"), (pairs,)),
        **dict.fromkeys(("_probA", "_probB"), (pairs,) if len(svc._probA) else (0,)),
    }
    for name, shape in due.items():
        numbers = getattr(svc, name)
        whole = name in ("support_", "_n_support")
        if numbers.dtype != (np.int32 if whole else np.float64):
            raise ValueError(f"its {name} is of another type of numbers.")
        if numbers.shape != shape:
            raise ValueError(f"its {name} has shape {numbers.shape}, not {shape}.")
    support = svc.support_
    if not (n_support and support.min() >= 0 and support.max() < rows):
        raise ValueError("its support_ points outside the training clips.")
    if (svc._n_support < 0).any() or svc._n_support.sum() != n_support:
        raise ValueError("its _n_support does not add up.")
    if svc.kernel not in _KERNELS or svc._sparse is not False:
        raise ValueError("its kernel is unknown.")
    _number("degree", svc.degree, 0, 100, whole=True)
    _number("coef0", svc.coef0, -1e9, 1e9)
    _number("_gamma", float(svc._gamma), 0, 1e12)


def check_answers(head) -> None:
    """Ask a head about made-up clips: what it says are probabilities, or it is broken.

    Sizes that do not go together, which numpy sees, show here and not later.
    """
    import numpy as np

    if not hasattr(head, "predict_proba"):
        return
    classes, width = np.asarray(head.classes_), head.n_features_in_
    _number("n_features_in_", width, 1, _MOST_FEATURES, whole=True)
    if classes.ndim != 1 or not 0 < len({*classes.tolist()}) == len(classes):
        raise ValueError("its classes are no list of names.")
    count = next(n for n in range(5, 9) if n not in (len(classes), width))
    clips = np.random.default_rng(0).normal(size=(count, width))
    if hasattr(head, "feature_names_in_"):
        import pandas as pd

        clips = pd.DataFrame(clips, columns=head.feature_names_in_)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        told = np.asarray(head.predict_proba(clips))
    shape = (len(clips), len(classes))
    if told.shape != shape or not np.isfinite(told).all() or (told < 0).any():
        raise ValueError("asked about made-up clips, it gives no probabilities.")
    if not np.allclose(told.sum(axis=1), 1, atol=1e-6):
        raise ValueError("asked about made-up clips, its answers do not sum to one.")


def check_card(facts: dict) -> None:
    """Check each number of a card."""
    _number("temperature", facts["temperature"], *_TEMPERATURES)
    _check_story(facts)
    classes, features, reach = facts["classes"], facts["features"], facts["reach"]
    if not isinstance(classes, list) or not 0 < len(classes) <= _MOST_CLASSES:
        raise ValueError("its classes are no list of names.")
    if not all(isinstance(word, str) for word in classes):
        raise ValueError("its classes are no list of names.")
    if not isinstance(features, dict) or not 0 < len(features) <= _MOST_FEATURES:
        raise ValueError("its features are no table.")
    for name, told in features.items():
        if not isinstance(told, list) or len(told) != 2:
            raise ValueError(f"its feature {name[:40]!r} has no mean and spread.")
        _number(f"mean of {name[:40]!r}", told[0], -1e300, 1e300)
        _number(f"spread of {name[:40]!r}", told[1], 1e-300, 1e300)
    if reach is not None:
        if not isinstance(reach, dict) or "edge" not in reach:
            raise ValueError("its reach has no edge.")
        _number("edge", reach["edge"], 1e-9, 1e9)


def _check_story(facts: dict) -> None:
    """Check what a card tells beside its numbers: what others are to read in it."""
    embedder = facts.get("embedder", {"model": ""})
    texts = ("model", "weights", "weights_sha256")
    told = [embedder.get(n) for n in texts] if isinstance(embedder, dict) else [0]
    if not isinstance(told[0], str) or not all(isinstance(t, str | None) for t in told):
        raise ValueError("its embedder is no system and its weights.")
    for name in ("training_corpora", "credit", "licenses", "warnings"):
        words = facts.get(name) or []
        if not isinstance(words, list) or not all(isinstance(w, str) for w in words):
            raise ValueError(f"its {name} is no list of names.")
    scores = facts.get("scores", {})
    if not isinstance(scores, dict):
        raise ValueError("its scores are no table.")
    for where, score in scores.items():
        if not (isinstance(score, dict) and _is_score(score)):
            raise ValueError(f"its score {where[:40]!r} is not whole.")


def _is_score(told: dict) -> bool:
    """Say whether the parts of a score that a card shows are there, and numbers."""
    parts = {"uar": ("value", "low", "high"), "log_loss": ("before", "after")}
    careful = told.get("uar_with_abstention")
    values = [told.get("n_clips")]
    for name, keys in parts.items():
        table = told.get(name)
        if not isinstance(table, dict) or not {*keys} <= {*table}:
            return False
        values += [v for k, v in table.items() if (k, v) not in _UNKNOWN_ENDS]
    if careful is not None:
        values.append(careful.get("value") if isinstance(careful, dict) else None)
        values.append(told.get("abstains"))
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
