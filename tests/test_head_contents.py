"""Whatever is altered in a saved head is refused in a line, or answers like a head."""

import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sertools import trust
from sertools.models import heads

DRAWN = np.random.default_rng(0)
Y = np.repeat(["angry", "happy", "sad"], 12)
X = DRAWN.normal(size=(36, 6)) + np.repeat(DRAWN.normal(size=(3, 6)), 12, axis=0)
SPEAKERS = np.tile(["a", "b", "c"], 12)


def refused(head, tmp_path, words):
    """Save a head as it is; loading it ends in a line that names it and the reason."""
    path = trust.save_head(head, tmp_path / "head.skops")
    with pytest.raises(ValueError, match=words) as error:
        trust.load_head(path)
    assert str(error.value).startswith(f"{path}: damaged: ")
    assert "\n" not in str(error.value)


def rewritten(path, change, extra=()):
    """Change what a saved head says it is made of."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(content["schema.json"])
    schema = change(schema) or schema
    content |= {"schema.json": json.dumps(schema).encode(), **dict(extra)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def made(schema, loader):
    """Find what skops makes with some loader."""
    if isinstance(schema, dict):
        if schema.get("__loader__") == loader:
            yield schema
        for value in schema.values():
            yield from made(value, loader)
    elif isinstance(schema, list):
        for value in schema:
            yield from made(value, loader)


def array(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


# Support vector machines: libsvm takes sizes at their word

SIZES = {
    "more support vectors than there are": ("_n_support", lambda v: v * 1000),
    "negative counts": ("_n_support", lambda v: v * np.int32([1, -1, 1])),
    "counts of two classes": ("_n_support", lambda v: v[:2]),
    "support outside the training clips": ("support_", lambda v: v + np.int32(10**6)),
    "negative support": ("support_", lambda v: -v - np.int32(1)),
    "less support": ("support_", lambda v: v[:3]),
    "fewer support vectors": ("support_vectors_", lambda v: v[:3]),
    "narrower support vectors": ("support_vectors_", lambda v: v[:, :2]),
    "no support vectors": ("support_vectors_", lambda v: v[:0, :0]),
    "support vectors that are no numbers": ("support_vectors_", lambda v: v * np.nan),
    "fewer coefficients": ("_dual_coef_", lambda v: v[:, :3]),
    "coefficients of one class": ("_dual_coef_", lambda v: v[:1]),
    "coefficients without end": ("dual_coef_", lambda v: v + np.inf),
    "one intercept": ("_intercept_", lambda v: v[:1]),
    "half the calibration": ("_probA", lambda v: v[:1]),
    "no second half of it": ("_probB", lambda v: v[:0]),
    "numbers of half the length": ("_dual_coef_", lambda v: v.astype(np.float32)),
    "more training clips": ("shape_fit_", lambda v: (3, v[1])),
    "more features": ("shape_fit_", lambda v: (v[0], 10**6)),
    "fewer features": ("n_features_in_", lambda v: 2),
    "no features": ("n_features_in_", lambda v: None),
    "a kernel of another kind": ("kernel", lambda v: "precomputed"),
    "a kernel that is none": ("kernel", lambda v: "magic"),
    "a degree past counting": ("degree", lambda v: 10**9),
    "a width that is no number": ("_gamma", lambda v: float("nan")),
    "sparse vectors that are none": ("_sparse", lambda v: True),
    "another machine": ("_impl", lambda v: "one_class"),
    "another class": ("classes_", lambda v: np.array([*v, "surprise"])),
    "the same class twice": ("classes_", lambda v: v[[0, 0, 1]]),
    "threads without end": ("n_jobs", lambda v: 10**9),
}


@pytest.mark.parametrize(("field", "change"), SIZES.values(), ids=SIZES)
@pytest.mark.filterwarnings("ignore:The `probability`:FutureWarning")
def test_an_altered_support_vector_machine_is_refused(tmp_path, field, change):
    head = SVC(probability=True).fit(X, Y)
    loaded = trust.load_head(trust.save_head(head, tmp_path / "whole.skops"))
    assert np.array_equal(loaded.predict_proba(X), head.predict_proba(X))
    setattr(head, field, change(getattr(head, field, None)))
    refused(head, tmp_path, "its |Found|classes|number")


@pytest.mark.parametrize("field", ["_n_support", "support_", "_dual_coef_"])
def test_the_machine_within_our_own_head_is_looked_at_too(tmp_path, field):
    head = heads.fit(heads.make("svm"), X, Y, SPEAKERS)
    machine = head[-1].svc_
    setattr(machine, field, np.repeat(getattr(machine, field), 1000, axis=-1))
    refused(head, tmp_path, "its ")


def test_a_machine_whose_features_are_not_counted_is_refused(tmp_path):
    head = SVC().fit(X, Y)
    del head.n_features_in_
    refused(head, tmp_path, "n_features_in_ is None, not from 1")


# Trees: scikit-learn follows their numbers without looking


def tree_of(path, change):
    def altered(schema):
        [tree] = made(schema, "TreeNode")
        change(tree)

    return rewritten(path, altered)


def count(text):
    return {**next(iter(made(CLASSES, "JsonNode"))), "content": text, "__id__": 1}


CLASSES = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
MADE_WITH = {
    "more outputs than class counts": lambda args: args.__setitem__(2, count("100000")),
    "no features": lambda args: args.__setitem__(0, count("0")),
    "features that are text": lambda args: args.__setitem__(0, count('"six"')),
}


@pytest.mark.parametrize("change", MADE_WITH.values(), ids=MADE_WITH)
def test_a_tree_made_with_odd_sizes_is_refused_before_it_is_made(tmp_path, change):
    path = trust.save_head(DecisionTreeClassifier().fit(X, Y), tmp_path / "a.skops")
    tree_of(path, lambda tree: change(tree["__reduce__"]["args"]["content"]))
    with pytest.raises(ValueError, match=r"damaged: .*(outside itself|features)"):
        trust.load_head(path)


def test_sizes_that_hide_behind_the_number_of_another_object_are_refused(tmp_path):
    path = trust.save_head(DecisionTreeClassifier().fit(X, Y), tmp_path / "a.skops")

    def change(schema):
        [tree] = made(schema, "TreeNode")
        hidden = json.loads(json.dumps(tree["__reduce__"]["args"]))
        hidden["content"][2] = count("100000")
        schema["content"]["content"] = {
            "first": hidden,  # skops takes it for the tree's, too
            **schema["content"]["content"],
        }
        schema["content"]["key_types"]["content"].append(
            schema["content"]["key_types"]["content"][0]
        )

    with pytest.raises(ValueError, match="damaged: two objects under one number"):
        trust.load_head(rewritten(path, change))


def test_a_tree_that_counts_fewer_nodes_than_it_points_to_is_refused(tmp_path):
    path = trust.save_head(DecisionTreeClassifier().fit(X, Y), tmp_path / "a.skops")
    tree_of(
        path,
        lambda tree: tree["content"]["content"].update(node_count=count("1")),
    )
    with pytest.raises(ValueError, match="damaged: a decision tree points outside"):
        trust.load_head(path)


def test_a_tree_without_nodes_is_refused(tmp_path):
    path = trust.save_head(DecisionTreeClassifier().fit(X, Y), tmp_path / "a.skops")

    def emptied(tree):
        tree["content"]["content"], tree["content"]["key_types"]["content"] = {}, []

    with pytest.raises(ValueError, match="damaged: a decision tree points outside"):
        trust.load_head(tree_of(path, emptied))


def test_a_forest_that_does_not_count_its_features_is_refused(tmp_path):
    head = RandomForestClassifier(3).fit(X, Y)
    del head.n_features_in_
    refused(head, tmp_path, "n_features_in_ is None, not from 1")


@pytest.mark.parametrize("field", ["values", "nodes"])
def test_a_tree_of_numbers_that_are_none_is_refused(tmp_path, field):
    head = DecisionTreeClassifier().fit(X, Y)
    state = head.tree_.__getstate__()
    (state["nodes"]["threshold"] if field == "nodes" else state["values"])[:] = np.nan
    head.tree_.__setstate__(state)
    refused(head, tmp_path, "a decision tree's numbers are not finite")


# All heads


def altered(name, where, **fields):
    head = heads.fit(heads.make(name), X, Y, SPEAKERS)
    target = where(head)
    for field, value in fields.items():
        assert hasattr(target, field)
        setattr(target, field, value)
    return head


@pytest.mark.parametrize(
    "temperature", [-1.0, 0.0, 1e-9, 1e9, float("nan"), float("inf"), "1"]
)
def test_a_temperature_that_turns_answers_round_is_refused(tmp_path, temperature):
    head = altered("svm", lambda head: head[-1], temperature_=temperature)
    refused(head, tmp_path, "its temperature_|asked|ufunc|finite|numbers")


NONSENSE = {
    "a mean that is none": ("logistic", lambda h: h[1], {"mean_": np.full(6, np.nan)}),
    "a spread below zero": ("logistic", lambda h: h[1], {"scale_": np.full(6, -1.0)}),
    "a spread of zero": ("logistic", lambda h: h[1], {"scale_": np.zeros(6)}),
    "means of other features": ("logistic", lambda h: h[1], {"mean_": np.zeros(4)}),
    "weights without end": (
        "logistic",
        lambda h: h[-1],
        {"coef_": np.full((3, 6), np.inf)},
    ),
    "weights of two classes": ("logistic", lambda h: h[-1], {"coef_": np.ones((2, 6))}),
    "weights that are text": ("logistic", lambda h: h[-1], {"coef_": ["a", "b"]}),
    "ranks of other features": ("logistic", lambda h: h[0], {"values_": X[:5, :2]}),
    "features of nobody": ("svm", lambda h: h[-1], {"X_": X[:5]}),
    "columns that are not there": ("average", lambda h: h, {"sets_": {"": [0, 99]}}),
    "columns from behind": ("average", lambda h: h, {"sets_": {"": [-1, 0]}}),
    "a head too few": ("average", lambda h: h, {"heads_": []}),
    "layers of other sizes": ("linear", lambda h: h[-1], {"layers_": [(X[:2], Y[:2])]}),
    "features past counting": ("average", lambda h: h, {"n_features_in_": 10**9}),
}


@pytest.mark.parametrize(("name", "where", "fields"), NONSENSE.values(), ids=NONSENSE)
def test_a_head_of_numbers_that_do_not_go_together_is_refused(
    tmp_path, name, where, fields
):
    if name == "linear":
        pytest.importorskip("torch")
    refused(altered(name, where, **fields), tmp_path, "damaged: .")


def test_an_attribute_that_would_stand_for_a_method_is_refused(tmp_path):
    head = LogisticRegression().fit(X, Y)
    head.decision_function = "mine"
    refused(head, tmp_path, "its decision_function is no number")


def test_a_head_that_unfolds_by_repeating_itself_is_refused(tmp_path):
    path = trust.save_head(LogisticRegression().fit(X, Y), tmp_path / "a.skops")

    def repeated(schema):
        [first, *_] = made(schema, "NdArrayNode")
        again = [{**first, "file": "big.npy", "__id__": n} for n in range(1, 200)]
        first["__loader__"], first["content"] = "ListNode", again
        first["__module__"], first["__class__"] = "builtins", "list"

    rewritten(path, repeated, [("big.npy", array(np.zeros(2**21)))])
    with pytest.raises(ValueError, match=r"damaged: unfolds to \d+ bytes"):
        trust.load_head(path)


@pytest.mark.parametrize(
    "loader", ["DictNode", "TypeNode", "NdArrayNode", "FunctionNode", "TreeNode"]
)
def test_a_known_type_in_the_hands_of_another_loader_is_foreign(tmp_path, loader):
    path = trust.save_head(LogisticRegression().fit(X, Y), tmp_path / "a.skops")
    rewritten(path, lambda schema: {**schema, "__loader__": loader})
    with pytest.raises(ValueError, match=r"code of sklearn.*LogisticRegression\. If"):
        trust.load_head(path)


def test_what_nobody_looked_at_here_needs_trust_though_skops_asks_for_none(tmp_path):
    head, path = KNeighborsClassifier(algorithm="brute").fit(X, Y), tmp_path / "a.skops"
    with pytest.raises(ValueError, match=r"it holds sklearn.*KNeighborsClassifier\."):
        trust.save_head(head, path)
    import skops.io

    skops.io.dump(head, path)
    assert not skops.io.get_untrusted_types(file=path)
    with pytest.raises(ValueError, match=r"refused, .*KNeighborsClassifier.*--trust"):
        trust.load_head(path)
    loaded = trust.load_head(path, trust=True)
    assert np.array_equal(loaded.predict_proba(X), head.predict_proba(X))


def test_a_pipeline_of_ones_own_needs_none(tmp_path):
    head = CalibratedClassifierCV(make_pipeline(StandardScaler(), SVC())).fit(X, Y)
    loaded = trust.load_head(trust.save_head(head, tmp_path / "a.skops"))
    assert np.array_equal(loaded.predict_proba(X), head.predict_proba(X))


# Cards

CARD = {
    "temperature": 1.3,
    "classes": ["angry", "sad"],
    "features": {"loudness": [0.5, 0.1], "pitch": [30, 4]},
    "reach": {"edge": 1.4},
}


def test_a_card_as_it_should_be_passes():
    assert trust.check_card("card.json", CARD) is None
    assert trust.check_card("card.json", {**CARD, "reach": None}) is None


BROKEN = {
    "temperature": [-1, 0, 1e9, float("nan"), float("inf"), "1", None, True, [1]],
    "edge": [{"edge": e} for e in (-1, 0, float("nan"), float("inf"), "1", None)],
    "reach": [{}, [], 1, "far"],
    "classes": [[], {}, "angry", [1, 2], None],
    "features": [{}, [], None, {"f": 1}, {"f": [1]}, {"f": [1, 2, 3]}],
    "mean": [{"f": [m, 1]} for m in (float("nan"), float("inf"), "1", None)],
    "spread": [{"f": [0, s]} for s in (0, -1, float("nan"), float("inf"), "1", True)],
}
PLACES = {"edge": "reach", "mean": "features", "spread": "features"}


@pytest.mark.parametrize("what", BROKEN)
def test_a_card_that_cannot_be_right_is_refused_by_name(what):
    for value in BROKEN[what]:
        card = {**CARD, PLACES.get(what, what): value}
        words = rf"^card\.json: damaged: its .*{what.removesuffix('s')}"
        with pytest.raises(ValueError, match=words) as error:
            trust.check_card("card.json", json.loads(json.dumps(card)))
        assert "\n" not in str(error.value)
