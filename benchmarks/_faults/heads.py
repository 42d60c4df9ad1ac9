"""Heads and their cards that are pointers, zeros, damaged, or programs."""

import copy
import functools
import io
import json
import os
import pickle
import random
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from _faults.sounds import CHECKOUT, speech, written
from _faults.trying import MARK, Try, Verdict, asked, right

_SHIPPED = CHECKOUT / "sertools" / "models" / "shipped" / "emodb_egemaps"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64
POINTER += b"\nsize 71234\n"


def tries(draw: random.Random) -> list[Try]:
    """List what is tried."""
    made = [*_pickles(), *_foreign(draw), *_cards(draw), *_heads(draw)]
    return [replace(one, batch=f"{n // 10}") for n, one in enumerate(made)]


class Payload:
    """What a pickle of it runs: it leaves the marker, and nothing else."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def marker(folder: Path) -> Path:
    return folder / MARK


def _head():
    """Load the head that ships with the package."""
    from sertools import trust

    return trust.load_head(_SHIPPED / "head.skops")


@functools.cache
def _due() -> str:
    """Say what the head that ships answers for the clip."""
    from sertools import models

    scores = models.load("trained").predict_proba([speech()])
    return json.dumps(np.round(scores, 5).tolist())


def answers(path: Path, names=(), trust: bool = False) -> Verdict:
    """Load a head, and ask it: the answer that ships, or a refusal."""
    from sertools import models

    def call():
        model = models.load("trained", weights=str(path), trust=trust)
        return model.predict_proba([speech()]), model.classes_

    def judge(answer) -> Verdict:
        scores, classes = answer
        sane = np.isfinite(scores).all() and np.allclose(
            scores.sum(axis=1), 1, atol=1e-4
        )
        told = json.dumps(np.round(scores, 5).tolist())
        return right(sane and told == _due(), f"{told} for {_due()}; {list(classes)}")

    return asked(call, [path.name, *names, "trained"], judge)


def _pickles():
    """Programs under every name that a head may have; and the controls."""
    import joblib

    def plain(protocol: int, value: object) -> bytes:
        return pickle.dumps(value, protocol)

    def packed(how, value: object) -> bytes:
        file = io.BytesIO()
        joblib.dump(value, file, how)
        return file.getvalue()

    makers = {f"pickle {n}": functools.partial(plain, n) for n in (0, 2, 5)}
    for how in ("gzip", "bz2", "lzma", "xz", "zlib"):
        makers[f"joblib {how}"] = functools.partial(packed, (how, 3))
    for what, make in makers.items():
        for ending in ("pkl", "joblib", "skops", "pt", "h5"):
            for inside in ("alone", "behind an array"):
                body = functools.partial(_program, make, ending, inside, False)
                yield Try(f"{what} as .{ending}, {inside}", body)
        body = functools.partial(_program, make, "pkl", "alone", True)
        yield Try(f"{what}, trusted", body, control=True)
    body = functools.partial(
        _program, makers["pickle 5"], "skops", "in a folder", False
    )
    yield Try("a pickle as the head in a folder with a card", body)
    body = functools.partial(_program, makers["pickle 5"], "skops", "in a folder", True)
    yield Try("a pickle as the head in a folder, trusted", body, control=True)


def _program(make, ending: str, inside: str, trust: bool, folder: Path) -> Verdict:
    path, value = folder / f"head.{ending}", Payload(marker(folder))
    if inside == "behind an array":
        value = [np.zeros(900), value]
    if inside == "in a folder":
        shutil.copytree(_SHIPPED, folder / "head")
        path = folder / "head" / "head.skops"
    path.write_bytes(make(value))
    asked_for = path.parent if inside == "in a folder" else path
    verdict = answers(asked_for, [path.name], trust)
    wrong = verdict.kind == "right"
    return Verdict("wrong", "it was taken for a head") if wrong else verdict


def _foreign(draw: random.Random):
    """Put what is no head in the place of one."""
    head = (_SHIPPED / "head.skops").read_bytes()
    what = {
        "nothing": b"",
        "a Git LFS pointer": POINTER,
        "zeros": bytes(70_000),
        "a web page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
        "noise": draw.randbytes(70_000),
        "a recording": written(),
        "a zip of nothing": b"PK\5\6" + bytes(18),
        "half of it": head[: len(head) // 2],
        "all but its end": head[:-40],
    }
    for word, content in what.items():
        for place in ("head/head.skops", "head/card.json", "own.skops", "own.pkl"):
            body = functools.partial(_instead, place, content)
            yield Try(f"{word} as {place}", body)
    for number in range(12):
        damaged = bytearray(head)
        for _ in range(1 + number % 3):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        body = functools.partial(_instead, "head/head.skops", bytes(damaged))
        yield Try(f"the head with {1 + number % 3} bits changed, {number}", body)
    for word, make in {
        "a pipe": os.mkfifo,
        "a folder": os.mkdir,
        "a link to /dev/zero": lambda path: os.symlink("/dev/zero", path),
        "a link to itself": lambda path: os.symlink(os.path.basename(path), path),
        "8 GB of zeros": lambda path: _sparse(path),
        "nothing there": lambda path: None,
    }.items():
        for place in ("head/head.skops", "head/card.json", "own.skops", "own.pkl"):
            body = functools.partial(_instead, place, make)
            yield Try(f"{word} as {place}", body, 15)
    yield Try("a zip that unfolds to 1.5 GB as the head", _zip_bomb, 30)


def _sparse(path) -> None:
    with open(path, "wb") as file:
        file.truncate(8_000_000_000)


def _instead(place: str, content, folder: Path) -> Verdict:
    """Put something in the place of a head or a card."""
    shutil.copytree(_SHIPPED, folder / "head")
    path = folder / place
    path.unlink(missing_ok=True)
    if callable(content):
        content(str(path))
    else:
        path.write_bytes(content)
    return answers(folder / place.split("/")[0], [path.name, "head"])


def _zip_bomb(folder: Path) -> Verdict:
    """Make a head, a part of which unfolds to 1.5 GB."""
    shutil.copytree(_SHIPPED, folder / "head")
    source, target = _SHIPPED / "head.skops", folder / "head" / "head.skops"
    with (
        zipfile.ZipFile(source) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        names = old.namelist()
        largest = max(names, key=lambda name: old.getinfo(name).file_size)
        for name in names:
            content = old.read(name)
            if name == largest:
                with new.open(name, "w", force_zip64=True) as member:
                    member.write(content)
                    for _ in range(150):
                        member.write(bytes(10_000_000))
            else:
                new.writestr(name, content)
    return answers(folder / "head", ["head.skops"])


def _cards(draw: random.Random):
    """Cards that are damaged, or say what can't be."""
    card = json.loads((_SHIPPED / "card.json").read_text(encoding="utf-8"))
    yield Try("the card as it is", functools.partial(_carded, json.dumps(card)))
    odd = [None, [], {}, "", -1, True, "x", [1], {"a": 1}, 1e999, -1e308]
    for key in ("kind", "embedder", "classes", "features", "temperature", "reach"):
        body = functools.partial(
            _carded, json.dumps({k: v for k, v in card.items() if k != key})
        )
        yield Try(f"a card without {key}", body)
        for value in odd:
            if key == "reach" and value is None:
                continue  # it never abstains then: its own choice
            text = json.dumps({**card, key: value})
            yield Try(f"a card with {key}: {value!r}", functools.partial(_carded, text))
    for value in (-0.5, 0, 1e-300, 1e300, "NaN", float("nan"), float("inf"), [1.0]):
        text = json.dumps({**card, "temperature": value})
        yield Try(f"a card of temperature {value!r}", functools.partial(_carded, text))
    for part in ("edge",):
        for value in (-1, 0, float("nan"), float("inf"), None, "x", 1e-300):
            text = json.dumps({**card, "reach": {**(card["reach"] or {}), part: value}})
            body = functools.partial(_carded, text)
            yield Try(f"a card whose {part} is {value!r}", body)
    first = next(iter(card["features"]))
    for value in (
        None,
        [],
        [float("nan"), 1.0],
        [0.0, -1.0],
        ["a", "b"],
        [1.0],
        [0, float("inf")],
        {"mean": 1},
    ):
        features = {**card["features"], first: value}
        text = json.dumps({**card, "features": features})
        yield Try(
            f"a card whose first feature is {value!r}", functools.partial(_carded, text)
        )
    fewer = dict(list(card["features"].items())[1:])
    text = json.dumps({**card, "features": fewer})
    yield Try("a card with a feature fewer", functools.partial(_carded, text))
    turned = dict(reversed(card["features"].items()))
    text = json.dumps({**card, "features": turned})
    body = functools.partial(_carded, text, True)
    yield Try("a card with its features turned round", body)
    turned = list(reversed(card["classes"]))
    text = json.dumps({**card, "classes": turned})
    yield Try("a card with its classes turned round", functools.partial(_carded, text))
    for model in (
        7,
        None,
        "",
        "no_such",
        "opensmile:ComParE_2016",
        "trained",
        "../../x",
        "http://127.0.0.1:9/x",
        "huggingface:x/y",
        "x" * 5000,
        "\x1b[31m",
        "yamnet",
    ):
        about = {**card["embedder"], "model": model}
        text = json.dumps({**card, "embedder": about})
        yield Try(
            f"a card of the system {str(model)[:30]!r}",
            functools.partial(_carded, text),
        )
    for model in ("yamnet", "huggingface:x/y"):
        name = f"a card of {model} with weights at a server"
        yield Try(name, functools.partial(_asks, card, model), 60, 2500)
    for place in (
        "../..",
        "/etc/passwd",
        7,
        ["x"],
        "google/yamnet/tensorFlow2/yamnet/1",
    ):
        for model in ("yamnet", "opensmile"):
            about = {"model": model, "weights": place, "weights_sha256": None}
            text = json.dumps({**card, "embedder": about})
            body = functools.partial(_carded, text)
            yield Try(f"a card of {model} with weights at {place!r}", body)
    text = json.dumps(card)
    deep = text[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    for what, content in {
        "in UTF-16": text.encode("utf-16"),
        "cut": text[: len(text) // 2],
        "a list": f"[{text}]",
        "nested 100000 deep": deep,
        "with a number of 5000 digits": text[:-1] + ', "x": ' + "1" * 5000 + "}",
        "with a key twice": text[:-1] + ', "temperature": 5.0}',
        "with a NUL": text.replace("temperature", "temper\0ature"),
    }.items():
        body = functools.partial(_carded, content, "twice" in what)
        yield Try(f"a card {what}", body)
    for number in range(12):
        data = bytearray(text.encode())
        for _ in range(2):
            data[draw.randrange(len(data))] = draw.choice(b'{}[],:"0eNx-')
        body = functools.partial(_carded, bytes(data), True)
        yield Try(f"a card with two letters changed, {number}", body)


def _asks(card: dict, model: str, folder: Path) -> Verdict:
    """See that no server is asked for what a card names."""
    from _faults.fetching import reply, serving

    def answer(connection, request: bytes) -> None:
        connection.sendall(reply("404 Not Found"))

    with serving(answer) as (address, requests):
        about = {"model": model, "weights": f"{address}/model"}
        verdict = _carded(json.dumps({**card, "embedder": about}), folder)
    if requests:
        return Verdict("executed", f"the server was asked: {requests[0][:80]!r}")
    return verdict


def _carded(text: str | bytes, *given) -> Verdict:
    """Ask a head whose card says something else; it may differ where that is sound."""
    *may_differ, folder = given
    shutil.copytree(_SHIPPED, folder / "head")
    data = text.encode() if isinstance(text, str) else text
    (folder / "head" / "card.json").write_bytes(data)
    verdict = answers(
        folder / "head", ["head", "card.json", "needs weights", "are not here"]
    )
    if verdict.kind == "wrong" and any(may_differ) and "NaN" not in verdict.said:
        shown = json.loads(verdict.said.partition(" for ")[0])
        sane = np.isfinite(shown).all() and abs(np.sum(shown) - 1) < 1e-3
        return Verdict("right") if sane else verdict
    return verdict


def _heads(draw: random.Random):
    """Heads of sound types with numbers that can't be."""
    for what, change in {
        "NaN in its weights": lambda head: _fill(head, np.nan),
        "infinity in its weights": lambda head: _fill(head, np.inf),
        "weights of 1e308": lambda head: _fill(head, 1e308),
        "a feature fewer": _fewer,
        "its classes as numbers": lambda head: _classes(head, np.arange(4)),
        "a class fewer": lambda head: _classes(head, head.classes_[:-1]),
        "the same class twice": lambda head: _classes(
            head, head.classes_[[0, 0, 1, 2]]
        ),
        "other classes": lambda head: _classes(head, np.array(list("abcd"))),
        "no classes": lambda head: _classes(head, np.array([], dtype=str)),
    }.items():
        for form in ("in a folder", "alone"):
            body = functools.partial(_changed, change, form)
            yield Try(f"a head with {what}, {form}", body)
    for name in ("svm", "random_forest", "logistic", "average"):
        for number in range(5):
            kind = draw.choice(["shape", "dtype", "values", "length"])
            body = functools.partial(_altered, name, kind, draw.randrange(10**6))
            yield Try(f"a {name} whose arrays have another {kind}, {number}", body, 40)
    for field in ("n_support", "shape_fit", "support", "dual_coef", "classes", "sv"):
        body = functools.partial(_svc, field)
        yield Try(f"an SVC with another {field}", body, 40)


def _estimators(head):
    """Walk through whatever a head is made of."""
    waiting, seen = [head], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        own = getattr(value, "__dict__", None)
        if own is not None and not isinstance(value, type):
            yield value
            waiting += list(own.values())
        elif isinstance(value, list | tuple):
            waiting += list(value)
        elif isinstance(value, dict):
            waiting += list(value.values())


def _fill(head, number: float):
    for part in _estimators(head):
        for name, value in vars(part).items():
            if (
                isinstance(value, np.ndarray)
                and value.dtype.kind == "f"
                and value.ndim == 2
            ):
                value = value.copy()
                value.flat[:: max(value.size // 5, 1)] = number
                setattr(part, name, value)
    return head


def _fewer(head):
    for part in _estimators(head):
        for name, value in vars(part).items():
            if (
                isinstance(value, np.ndarray)
                and value.ndim == 2
                and value.shape[1] == 88
            ):
                setattr(part, name, value[:, :-1].copy())
    return head


def _classes(head, classes):
    for part in _estimators(head):
        if "classes_" in vars(part):
            part.classes_ = np.asarray(classes)
    return head


def _changed(change, form: str, folder: Path) -> Verdict:
    from skops import io as skops

    head = change(copy.deepcopy(_head()))
    shutil.copytree(_SHIPPED, folder / "head")
    path = folder / "head" / "head.skops"
    if form == "alone":
        path = folder / "own.skops"
    skops.dump(head, path)
    return answers(path if form == "alone" else folder / "head", [path.name, "head"])


def _fitted(name: str):
    from sertools.models import heads

    drawn = np.random.default_rng(0)
    y = np.repeat(["angry", "happy", "neutral", "sad"], 10)
    X = drawn.normal(size=(40, 88)) + 3 * np.repeat(np.eye(4, 88), 10, axis=0)
    head = heads.make(name)
    if name == "random_forest":
        head.set_params(n_estimators=5)
    return heads.fit(head, X, y, np.tile(list("abcde"), 8))


def _altered(name: str, kind: str, seed: int, folder: Path) -> Verdict:
    """Change one array in the file of a head, as its loader would take it."""
    from sertools import trust

    draw, source = random.Random(seed), folder / "whole.skops"
    trust.save_head(_fitted(name), source)
    target = folder / "own.skops"
    with zipfile.ZipFile(source) as old:
        arrays = sorted(n for n in old.namelist() if n.endswith(".npy"))
        chosen = draw.choice(arrays)
        with zipfile.ZipFile(target, "w") as new:
            for part in old.namelist():
                content = old.read(part)
                if part == chosen:
                    content = _rewritten(content, kind, draw)
                new.writestr(part, content)
    return _finite(target, trust.load_head(source))


def _rewritten(content: bytes, kind: str, draw: random.Random) -> bytes:
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if kind == "shape":
        array = array.reshape(-1, 1) if array.ndim == 1 else array.reshape(-1)
    elif kind == "dtype":
        array = array.astype("U8") if array.dtype.kind in "iuf" else array
    elif kind == "length":
        array = array[: len(array) // 2] if array.ndim else array
    elif array.dtype.kind in "iu":
        array = np.full_like(array, draw.choice([-(2**30), 2**30, -1]))
    elif array.dtype.kind == "f":
        array = np.full_like(array, draw.choice([np.nan, np.inf]))
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _finite(path: Path, whole) -> Verdict:
    """Load a head that was altered: the same answers as the whole one, or a refusal."""
    from sertools import models

    def call():
        model = models.load("trained", weights=str(path))
        return model.predict_proba([speech()])

    def judge(scores) -> Verdict:
        sane = np.isfinite(scores).all() and np.allclose(
            scores.sum(axis=1), 1, atol=1e-4
        )
        told = np.round(scores, 4).tolist()
        from sertools import models

        X = models.load("opensmile").embed([speech()])
        due = whole.predict_proba(np.asarray(X, np.float64))
        alike = (
            sane and scores.shape == due.shape and np.allclose(scores, due, atol=1e-3)
        )
        return right(bool(alike), f"{told}, not {np.round(due, 4).tolist()}")

    return asked(call, [path.name], judge)


def _svc(field: str, folder: Path) -> Verdict:
    """Give an SVC sizes that do not fit: libsvm would read beyond them."""
    from sklearn.svm import SVC
    from skops import io as skops

    drawn = np.random.default_rng(0)
    y = np.repeat(["angry", "happy", "neutral", "sad"], 10)
    X = drawn.normal(size=(40, 88)) + np.repeat(np.eye(4, 88), 10, axis=0)
    head = SVC(probability=True, random_state=0).fit(X, y)
    whole = copy.deepcopy(head)
    if field == "n_support":
        head._n_support = np.array([10**6, 10**6, 0, 0], dtype=np.int32)
    elif field == "shape_fit":
        head.shape_fit_ = (40, 9)
        head.n_features_in_ = 88
    elif field == "support":
        head.support_ = (head.support_ + 10**8).astype(np.int32)
    elif field == "dual_coef":
        head._dual_coef_ = head._dual_coef_[:1, :3].copy()
    elif field == "classes":
        head.classes_ = np.array(["angry", "happy"])
    else:
        head.support_vectors_ = head.support_vectors_[:2].copy()
    path = folder / "own.skops"
    skops.dump(head, path)
    return _finite(path, whole)
