import bz2
import io
import json
import os
import pickle
import re
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from sertools import extras, trust
from sertools.models import heads

WAY = r" If you trust whoever made it: trust=True \(--trust\)\.$"
needs_torch = pytest.mark.skipif(not extras.available("torch"), reason="needs torch")


class Payload:
    """What loading it would run: it leaves a mark."""

    def __init__(self, mark, before=()):
        self.mark, self.before = mark, before

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "mark"


def refused(load, path, mark, names=r"posix\.mkdir"):
    """Ask for an untrusted file: one line, and nothing run."""
    with pytest.raises(ValueError) as refusal:
        load(path)
    line = str(refusal.value)
    assert re.match(rf"^{re.escape(str(path))}: refused, because .* runs ", line)
    assert re.search(names, line)
    assert re.search(WAY, line)
    assert "\n" not in line
    assert not mark.exists()


def plain(load, path, words):
    """Ask for a broken file: one line of plain words, and no talk of trust."""
    with pytest.raises(ValueError, match=words) as error:
        load(path)
    line = str(error.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert "trust=" not in line


@pytest.mark.parametrize("trusted", [False, None, 0, "yes", 1])
def test_the_gate_opens_for_true_alone(trusted):
    assert trust.gate("a.pkl", "posix.system", True) is None
    with pytest.raises(ValueError, match=r"^a\.pkl: .* runs posix\.system\." + WAY):
        trust.gate("a.pkl", "posix.system", trusted)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_by_what_it_calls(mark, tmp_path, protocol):
    path = tmp_path / "payload.bin"
    path.write_bytes(pickle.dumps(["text", Payload(mark)], protocol))
    refused(trust.load_pickle, path, mark)
    trust.load_pickle(path, trust=True)
    assert mark.exists()


@pytest.mark.parametrize(
    "how", [0, 3, *[(k, 3) for k in ("gzip", "bz2", "lzma", "xz")]]
)
def test_a_file_of_joblib_is_refused_however_it_is_compressed(mark, tmp_path, how):
    path = tmp_path / "payload.joblib"
    joblib.dump({"first": Payload(mark), "then": np.random.rand(500)}, path, how)
    refused(trust.load_pickle, path, mark)
    trust.load_pickle(path, trust=True)
    assert mark.exists()


def test_what_stands_behind_an_array_is_not_named_and_not_run(mark, tmp_path):
    path = tmp_path / "payload.joblib"
    joblib.dump([np.random.rand(500), Payload(mark)], path)
    refused(trust.load_pickle, path, mark, names="numpy.* and more")
    trust.load_pickle(path, trust=True)
    assert mark.exists()


def test_a_name_that_is_called_twice_by_reference_is_found(mark, tmp_path):
    path = tmp_path / "payload.pkl"
    path.write_bytes(pickle.dumps([Payload(mark), Payload(tmp_path / "second")]))
    refused(trust.load_pickle, path, mark, names=r"runs posix\.mkdir\. If")


def test_at_most_three_names_are_shown_the_foreign_ones_first(mark, tmp_path):
    path = tmp_path / "payload.pkl"
    scalers = [np.float64(1), np.arange(2), LogisticRegression(), np.dtype("f8")]
    path.write_bytes(pickle.dumps([*scalers, Payload(mark)]))
    names = r"runs posix\.mkdir, [\w.]+, [\w.]+ and \d more\."
    refused(trust.load_pickle, path, mark, names)


def test_a_pickle_that_calls_nothing_is_refused_all_the_same(mark, tmp_path):
    path = tmp_path / "harmless.pkl"
    path.write_bytes(pickle.dumps({"weights": [1.0, 2.0]}))
    refused(trust.load_pickle, path, mark, names="a pickle is a program")
    assert trust.load_pickle(path, trust=True) == {"weights": [1.0, 2.0]}


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01random", b"RIFF....WAVE", bz2.compress(b"text")[:-4]]
)
@pytest.mark.parametrize("trusted", [False, True])
def test_what_is_no_pickle_is_called_so(tmp_path, content, trusted):
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    plain(lambda p: trust.load_pickle(p, trusted), path, "neither a pickle nor")


def test_a_trusted_pickle_that_cannot_be_read_is_one_line(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"cno_such_module\nname\n.")
    plain(lambda p: trust.load_pickle(p, True), path, "No module named 'no_such_modul")


def test_a_file_that_is_not_there_is_missing_not_untrusted(tmp_path):
    asked = [trust.load_pickle, trust.load_head]
    for load in asked + [trust.load_torch] * extras.available("torch"):
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "nowhere")


@needs_torch
@pytest.mark.parametrize("as_zip", [True, False])
def test_a_torch_file_that_is_more_than_tensors_is_refused(mark, tmp_path, as_zip):
    torch = extras.require("torch")
    path, stored = tmp_path / "payload.pt", {"w": torch.ones(2), "p": Payload(mark)}
    torch.save(stored, path, _use_new_zipfile_serialization=as_zip)
    refused(trust.load_torch, path, mark)
    trust.load_torch(path, trust=True)
    assert mark.exists()


@needs_torch
@pytest.mark.parametrize("as_zip", [True, False])
def test_tensors_need_no_trust_and_damage_is_no_matter_of_it(tmp_path, as_zip):
    torch = extras.require("torch")
    path, w = tmp_path / "tensors.pt", torch.arange(100.0)
    torch.save({"w": w}, path, _use_new_zipfile_serialization=as_zip)
    assert torch.equal(trust.load_torch(path)["w"], w)
    content = path.read_bytes()
    for size in (0, len(content) // 5, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:size])
        plain(trust.load_torch, path, "cannot be read")
    path.write_bytes(np.random.default_rng(0).bytes(500))
    plain(trust.load_torch, path, "cannot be read")


@needs_torch
def test_a_plain_pickle_is_no_way_around_the_gate_of_torch(mark, tmp_path):
    path = tmp_path / "payload.pt"
    path.write_bytes(pickle.dumps(Payload(mark)))
    refused(trust.load_torch, path, mark)


@pytest.fixture(scope="module")
def clips():
    drawn = np.random.default_rng(0)
    y = np.repeat(["angry", "happy", "sad"], 12)
    X = drawn.normal(size=(36, 50)) + np.repeat(drawn.normal(size=(3, 50)), 12, axis=0)
    return X, y, np.tile(["a", "b", "c"], 12)


@pytest.mark.parametrize("name", heads.names())
def test_every_head_is_saved_and_answers_the_same(clips, tmp_path, name):
    if name in ("linear", "weighted") and not extras.available("torch"):
        pytest.skip("needs torch")
    X, y, speakers = clips
    head = heads.make(name)
    if name == "random_forest":
        head.set_params(n_estimators=10)
    path = trust.save_head(heads.fit(head, X, y, speakers), tmp_path / "head.skops")
    again = trust.load_head(path)
    assert np.array_equal(again.predict_proba(X), head.predict_proba(X))
    assert list(again.classes_) == list(head.classes_)


@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
def test_calibrated_heads_are_saved_too(clips, tmp_path, method):
    X, y, _ = clips
    head = CalibratedClassifierCV(heads.make("logistic"), method=method).fit(X, y)
    again = trust.load_head(trust.save_head(head, tmp_path / "head.skops"))
    assert np.array_equal(again.predict_proba(X), head.predict_proba(X))


def test_a_head_of_other_types_is_neither_saved_nor_loaded(clips, mark, tmp_path):
    X, y, _ = clips
    head = MLPClassifier(max_iter=400, random_state=0).fit(X, y)
    path = tmp_path / "head.skops"
    with pytest.raises(
        ValueError, match=r"holds .*sklearn\.neural.*AdamOptimizer\. All"
    ):
        trust.save_head(head, path)
    assert not list(tmp_path.iterdir())
    skops.io.dump(head, path)
    refused(trust.load_head, path, mark, names=r"sklearn\.neural.*AdamOptimizer\.")
    again = trust.load_head(path, trust=True)
    assert np.array_equal(again.predict_proba(X), head.predict_proba(X))


def test_a_head_that_cannot_be_stored_says_which_can(tmp_path):
    head = LogisticRegression()
    head.stream_ = io.StringIO()
    with pytest.raises(ValueError, match="All heads of sertools.models.heads can"):
        trust.save_head(head, tmp_path / "head.skops")


def test_a_head_is_what_it_is_whatever_it_is_called(clips, mark, tmp_path):
    X, y, _ = clips
    head = LogisticRegression().fit(X, y)
    path = tmp_path / "head.skops"
    joblib.dump(head, path)
    refused(trust.load_head, path, mark, names="sklearn")
    assert np.array_equal(trust.load_head(path, trust=True).coef_, head.coef_)
    trust.save_head(head, tmp_path / "head.pkl")
    assert np.array_equal(trust.load_head(tmp_path / "head.pkl").coef_, head.coef_)


def test_a_zip_without_a_head_is_called_so(tmp_path):
    path = tmp_path / "head.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    plain(trust.load_head, path, "no head saved with skops")
    path.write_bytes(path.read_bytes()[:20])
    plain(trust.load_head, path, "no head saved with skops")


@pytest.mark.parametrize(
    ("field", "value"),
    [("feature", 10**6), ("feature", -7), ("left_child", 10**6), ("right_child", 0)],
)
@pytest.mark.parametrize("wrap", [lambda tree: tree, make_pipeline])
def test_a_tree_that_points_outside_itself_is_refused(
    clips, tmp_path, field, value, wrap
):
    X, y, _ = clips
    head = wrap(DecisionTreeClassifier().fit(X, y))
    path = trust.save_head(head, tmp_path / "head.skops")
    assert np.array_equal(trust.load_head(path).predict(X), head.predict(X))
    tree = (head[-1] if wrap is make_pipeline else head).tree_
    state = tree.__getstate__()
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    plain(trust.load_head, trust.save_head(head, path), "points outside itself")


def test_a_forest_whose_trees_ask_for_more_than_it_has_is_refused(clips, tmp_path):
    X, y, _ = clips
    head = heads.make("random_forest").set_params(n_estimators=3).fit(X, y)
    path = trust.save_head(head, tmp_path / "head.skops")
    assert trust.load_head(path).n_features_in_ == 50
    head.n_features_in_ = 1
    plain(trust.load_head, trust.save_head(head, path), "points outside itself")


def test_what_a_saved_head_names_is_not_imported_to_refuse_it(clips, mark, tmp_path):
    X, y, _ = clips
    path = trust.save_head(LogisticRegression().fit(X, y), tmp_path / "head.skops")
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(content["schema.json"])
    schema |= {"__class__": "Popen", "__module__": "subprocess"}
    content["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    refused(trust.load_head, path, mark, names=r"code of subprocess\.Popen")


# Sizes first


def folded(path, name="schema.json", size=2**27):
    """Write an archive of a hundred kilobytes that unfolds to 128 MiB of zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(size))
    assert path.stat().st_size < 2**18
    return path


TOO_LARGE = r"^{}: too large: 128 MiB, where such a file may take 64 MiB at most\.$"


def test_a_head_of_zeros_is_refused_by_its_size(tmp_path):
    path = folded(tmp_path / "head.skops")
    for trusted in (False, True):
        with pytest.raises(ValueError, match=TOO_LARGE.format(path)):
            trust.load_head(path, trust=trusted)


@needs_torch
def test_a_torch_file_of_zeros_is_refused_by_its_size(tmp_path):
    path = folded(tmp_path / "model.pt", "archive/data/0")
    for trusted in (False, True):
        with pytest.raises(ValueError, match=TOO_LARGE.format(path)):
            trust.load_torch(path, trust=trusted)


class Reserve:
    """What loading it would reserve, at a word."""

    def __init__(self, call, *given):
        self.call, self.given = call, given

    def __reduce__(self):
        return self.call, self.given


@needs_torch
@pytest.mark.parametrize("as_zip", [True, False])
@pytest.mark.parametrize("name", ["bytearray", "FloatTensor", "_codecs.encode"])
def test_what_reserves_memory_at_a_word_needs_trust(mark, tmp_path, name, as_zip):
    torch = extras.require("torch")
    wanted = {
        "bytearray": Reserve(bytearray, 2**10),
        "FloatTensor": Reserve(torch.FloatTensor, 2**10),
        "_codecs.encode": b"bytes",
    }
    path = tmp_path / "model.pt"
    torch.save({"w": wanted[name]}, path, _use_new_zipfile_serialization=as_zip)
    assert torch.load(path, weights_only=True)  # torch itself lets it pass
    refused(trust.load_torch, path, mark, re.escape(name))
    assert len(trust.load_torch(path, trust=True)["w"]) in (2**10, 5)


@needs_torch
def test_a_tensor_that_repeats_a_number_without_end_is_refused(tmp_path):
    torch, path = extras.require("torch"), tmp_path / "model.pt"
    for tied in (torch.zeros(1).expand(2**33), torch.zeros(1).expand(3, 5)):
        torch.save({"state": [{"w": tied}]}, path)
        assert path.stat().st_size < 4_000
        if tied.numel() > 15:
            plain(trust.load_torch, path, r"too large: 32\.0 GiB, .* 64 MiB at most")
    assert trust.load_torch(path)["state"][0]["w"].shape == (3, 5)


@needs_torch
def test_tensors_alone_pass_for_a_library_that_loads_them_itself(mark, tmp_path):
    torch, path = extras.require("torch"), tmp_path / "model.bin"
    torch.save({"w": torch.ones(2)}, path)
    assert trust.check_torch(path) is None
    torch.save({"w": Payload(mark)}, path)
    plain(trust.check_torch, path, r"should hold tensors, and names posix\.mkdir")
    path.write_bytes(path.read_bytes()[:300])
    plain(trust.check_torch, path, "should hold tensors, and is damaged|damaged")
    assert not mark.exists()


@needs_torch
def test_a_second_pickle_in_a_torch_file_is_refused(mark, tmp_path):
    torch = extras.require("torch")
    path = tmp_path / "model.pt"
    torch.save({"w": Payload(mark)}, path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    torch.save({"w": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as archive:
        harmless = archive.read("model/data.pkl")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name.replace("data.pkl", "DATA.PKL"), data)
        archive.writestr("a/data.pkl", harmless)
    plain(trust.load_torch, path, "cannot be read: damaged")
    assert not mark.exists()


def test_a_card_of_zeros_is_refused_by_its_size(tmp_path):
    path = tmp_path / "card.json"
    with path.open("wb") as file:
        file.truncate(2**34)  # takes no room on disk
    with pytest.raises(ValueError, match=r"too large: 16\.0 GiB, .* 16 MiB at most"):
        trust.read(path)
    path.write_bytes(b"{}")
    assert trust.read(path) == b"{}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_refused_at_once(tmp_path):
    path = tmp_path / "head.skops"
    os.mkfifo(path)
    loads = [trust.load_pickle, trust.load_head, trust.read]
    for load in loads + [trust.load_torch] * extras.available("torch"):
        plain(load, path, "not a file with an end, such as a pipe")


# Looked at is what is loaded


def test_a_private_copy_stays_what_it_was(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"harmless")
    with trust.private_copy(path) as own:
        (tmp_path / "other").write_bytes(b"payload")
        os.replace(tmp_path / "other", path)
        assert own.read_bytes() == b"harmless"
        assert own.name == path.name
        assert own.parent.stat().st_mode & 0o077 == 0
    assert not own.parent.exists()


def test_a_private_copy_of_a_folder_holds_what_was_asked_for(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    for name in ("config.json", "model.py", "variables/index", "w.safetensors"):
        (folder / name).write_text(name)
    wanted = ("*.json", "variables/*")
    with trust.private_copy(folder, *wanted, linked=("*.safetensors",)) as own:
        files = sorted(p.relative_to(own).as_posix() for p in own.rglob("*.*"))
        assert files == ["config.json", "w.safetensors"]
        assert (own / "variables" / "index").read_text() == "variables/index"
        assert (own / "w.safetensors").is_symlink()
        (folder / "config.json").write_text("payload")
        assert (own / "config.json").read_text() == "config.json"


def test_an_error_about_a_private_copy_names_the_original(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"harmless")
    with (
        pytest.raises(ValueError, match=f"^{re.escape(str(path))}: damaged$"),
        trust.private_copy(path) as own,
    ):
        raise ValueError(f"{own}: damaged")
    with pytest.raises(FileNotFoundError), trust.private_copy(tmp_path / "nowhere"):
        pass


def test_a_private_copy_is_refused_where_it_would_unfold_to_too_much(tmp_path):
    path = folded(tmp_path / "model.keras")
    with (
        pytest.raises(ValueError, match=TOO_LARGE.format(path)),
        trust.private_copy(path),
    ):
        pass
