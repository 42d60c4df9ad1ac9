import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from sertools import features, models
from sertools.store import Entry, Store

SYSTEM = {"system": "toy", "variant": "a", "toy": "1.0"}


def key(word) -> bytes:
    return hashlib.sha256(str(word).encode()).digest()


def entry(*numbers, silent=False) -> Entry:
    return Entry(np.array(numbers, np.float32), silent)


def script(code, *arguments):
    """Start another Python process on `code`."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_what_was_put_comes_back_to_the_bit(store):
    numbers = np.random.default_rng(0).standard_normal(6373).astype(np.float32)
    store.put(SYSTEM, ["x"] * 6373, {key(1): Entry(numbers, True)})
    found = Store(store.folder).get(SYSTEM, [key(1), key(2)])
    assert list(found) == [key(1)]
    assert found[key(1)].vector.tobytes() == numbers.tobytes()
    assert found[key(1)].silent is True


def test_names_come_back(store):
    assert store.names(SYSTEM) is None
    store.put(SYSTEM, ["F0 평균", "<b>"], {key(1): entry(1, 2)})
    assert store.names(SYSTEM) == ["F0 평균", "<b>"]


def test_looking_something_up_makes_no_files(store):
    assert store.get(SYSTEM, [key(1)]) == {}
    assert not store.folder.exists()


def test_more_clips_than_one_question_holds(store):
    store.put(SYSTEM, ["x"], {key(n): entry(n) for n in range(1700)})
    found = store.get(SYSTEM, [key(n) for n in range(2000)] * 2)
    assert len(found) == 1700
    assert found[key(1699)].vector.tolist() == [1699]


def test_what_is_put_again_replaces(store):
    store.put(SYSTEM, ["x"], {key(1): entry(1)})
    store.put(SYSTEM, ["x"], {key(1): entry(2, silent=True)})
    assert store.get(SYSTEM, [key(1)])[key(1)].vector.tolist() == [2]
    assert store.get(SYSTEM, [key(1)])[key(1)].silent


@pytest.mark.parametrize("other", [{"variant": "b"}, {"toy": "1.1"}, {"system": "tow"}])
def test_another_variant_version_or_system_misses(other, store):
    store.put(SYSTEM, ["x"], {key(1): entry(1)})
    assert store.get(SYSTEM | other, [key(1)]) == {}
    assert store.names(SYSTEM | other) is None


def test_the_order_of_a_signature_does_not_matter(store):
    store.put(SYSTEM, ["x"], {key(1): entry(1)})
    assert store.get(dict(reversed(SYSTEM.items())), [key(1)])


def test_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_STORE", str(tmp_path / "chosen"))
    assert Store().folder == tmp_path / "chosen"
    assert Store(tmp_path / "given").folder == tmp_path / "given"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Store("~/mine").folder == tmp_path / "mine"
    monkeypatch.delenv("SERTOOLS_STORE")
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path / "cache"))
    assert Store().folder == tmp_path / "cache" / "store"


def test_variants_and_the_version_of_this_package_are_in_a_models_signature():
    import sertools

    base, large = models.load("opensmile"), models.load("opensmile:ComParE_2016")
    assert base.signature() != large.signature()
    assert base.signature()["sertools"] == sertools.__version__
    assert base.signature()["opensmile"]


# Damage


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"\0" * 5000])
def test_a_damaged_file_is_named_in_one_line_with_a_way_out(content, store):
    store.put(SYSTEM, ["x"], {key(1): entry(1)})
    path = store.path(SYSTEM)
    path.write_bytes(content)
    for use in (
        lambda: store.get(SYSTEM, [key(1)]),
        lambda: store.names(SYSTEM),
        lambda: store.put(SYSTEM, ["x"], {key(1): entry(1)}),
    ):
        with pytest.raises(OSError, match=f"{path}.*Remove that file") as refusal:
            use()
        assert "\n" not in str(refusal.value)
    path.unlink()
    store.put(SYSTEM, ["x"], {key(1): entry(1)})
    assert store.get(SYSTEM, [key(1)])


def test_half_a_file_is_never_half_an_answer(store):
    store.put(SYSTEM, ["x"], {key(n): entry(*range(1000)) for n in range(100)})
    path = store.path(SYSTEM)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(OSError, match="Remove that file"):
        store.get(SYSTEM, [key(n) for n in range(100)])


def test_a_file_that_was_only_begun_is_an_empty_one(store):
    path = store.path(SYSTEM)
    path.parent.mkdir(parents=True)
    path.touch()
    assert store.get(SYSTEM, [key(1)]) == {}
    assert store.names(SYSTEM) is None
    store.put(SYSTEM, ["x"], {key(1): entry(1)})
    assert store.get(SYSTEM, [key(1)])


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="SERTOOLS_STORE"):
        Store(tmp_path / "file").put(SYSTEM, ["x"], {key(1): entry(1)})


def test_extraction_says_which_file_is_damaged(tmp_path, store):
    import pandas as pd
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 16_000)
    clips = pd.DataFrame({"path": [str(tmp_path / "a.wav")], "emotion": "sad"}, ["a"])
    model = models.load("duration_loudness")
    features.extract(model, clips, store=store)
    store.path(model.signature()).write_bytes(b"no database" * 1000)
    with pytest.raises(OSError, match=r"duration_loudness-.*Remove that file"):
        features.extract(model, clips, store=store)


# Several processes

PUT_MANY = """
import hashlib, sys
import numpy as np
from sertools.store import Entry, Store

folder, who, many = sys.argv[1], sys.argv[2], int(sys.argv[3])
system = {"system": "toy", "variant": "a", "toy": "1.0"}
store = Store(folder)
for n in range(many):
    key = hashlib.sha256(f"{who}{n}".encode()).digest()
    both = hashlib.sha256(f"both{n}".encode()).digest()
    entry = Entry(np.full(88, n, np.float32), False)
    store.put(system, ["x"] * 88, {key: entry, both: entry})
    if n % 10 == 0:
        assert store.get(system, [key, both])[key].vector[0] == n
"""


def test_two_processes_write_at_once_and_nothing_is_lost(store):
    started = [script(PUT_MANY, store.folder, who, 200) for who in "ab"]
    for process in started:
        finished(process)
    for who in ("a", "b", "both"):
        wanted = {n: key(f"{who}{n}") for n in range(200)}
        found = store.get(SYSTEM, wanted.values())
        assert len(found) == 200
        assert all((found[k].vector == n).all() for n, k in wanted.items())


RACE = """
import hashlib, sys, time
import numpy as np
from sertools.store import Entry, Store

folder, who, start = sys.argv[1], sys.argv[2], float(sys.argv[3])
system, key = {"system": "toy"}, hashlib.sha256(sys.argv[2].encode()).digest()
for n in range(60):
    store = Store(f"{folder}/{n}")
    time.sleep(max(0, start + 0.03 * n - time.time()))
    if who != "reader":
        store.put(system, ["x"], {key: Entry(np.zeros(1, np.float32), False)})
    while who == "reader" and time.time() < start + 0.03 * n + 0.02:
        store.get(system, [key])
        store.names(system)
"""


def test_the_first_moment_of_a_store_is_safe_too(tmp_path):
    start = time.time() + 2
    started = [script(RACE, tmp_path, who, start) for who in ("a", "b", "reader")]
    for process in started:
        finished(process)
    for n in range(60):
        assert len(
            Store(tmp_path / str(n)).get({"system": "toy"}, [key("a"), key("b")])
        )


PUT_FOREVER = """
import hashlib, itertools, sys
import numpy as np
from sertools.store import Entry, Store

store = Store(sys.argv[1])
for n in itertools.count(int(sys.argv[2])):
    keys = [hashlib.sha256(f"{n}/{i}".encode()).digest() for i in range(40)]
    entry = Entry(np.full(1000, n, np.float32), False)
    system = {"system": "toy", "variant": "a", "toy": "1.0"}
    store.put(system, ["x"] * 1000, dict.fromkeys(keys, entry))
    print(n, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_kill_while_writing_leaves_whole_answers(store):
    done = []
    for turn in range(5):
        process = script(PUT_FOREVER, store.folder, 1000 * turn)
        done.append(int(process.stdout.readline()))
        time.sleep(0.03 + 0.017 * turn)
        os.kill(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        done += [int(word) for word in out.split()]
        here = {n: _batch(store, n) for n in range(1000 * turn, 1000 * turn + 50)}
        assert set(here.values()) <= {0, 40}
        assert all(here[n] == 40 for n in done if n in here)
    assert len(done) > 10
    store.put(SYSTEM, ["x"], {key("after"): entry(1)})
    assert store.get(SYSTEM, [key("after")])


def _batch(store, n) -> int:
    """Count what is there of one batch."""
    found = store.get(SYSTEM, [key(f"{n}/{i}") for i in range(40)])
    assert all((kept.vector == n).all() for kept in found.values())
    return len(found)


SIGNATURE = {"system": "x"}
DAMAGE = {
    "a bit of a vector": "UPDATE clips SET vector = zeroblob(length(vector))",
    "a vector cut": "UPDATE clips SET vector = substr(vector, 1, 4)",
    "silence": "UPDATE clips SET silent = 1 - silent",
    "a checksum": "UPDATE clips SET checksum = x'00'",
    "the vector of another clip": """UPDATE clips SET (vector, checksum) =
        (SELECT vector, checksum FROM clips AS c WHERE c.audio <> clips.audio)""",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_row_is_not_believed_and_named(damage, store):
    whole = {key("a"): entry(1, 2), key("b"): entry(3, 4)}
    store.put(SIGNATURE, ["x", "y"], whole)
    with sqlite3.connect(store.path(SIGNATURE)) as database:
        database.execute(damage)
    with pytest.warns(UserWarning, match=r"\d damaged rows are computed again"):
        found = store.get(SIGNATURE, whole)
    for audio, kept in found.items():
        assert kept.vector.tolist() == whole[audio].vector.tolist()
    store.put(SIGNATURE, ["x", "y"], whole)
    assert len(store.get(SIGNATURE, whole)) == 2


def test_damaged_names_are_not_believed(store):
    store.put(SIGNATURE, ["x", "y"], {key("a"): entry(1, 2)})
    with sqlite3.connect(store.path(SIGNATURE)) as database:
        database.execute('UPDATE described SET value = \'["y", "x"]\'')
    with pytest.warns(UserWarning, match="all is computed again"):
        assert store.get(SIGNATURE, [key("a")]) == {}
