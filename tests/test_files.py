import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from sertools import files
from sertools.files import holding


def test_a_file_is_replaced_whole(tmp_path):
    target = tmp_path / "new" / "a.txt"
    files.write_text(target, "first")
    files.write_text(target, "zweite Fassung, 슬픔")
    assert target.read_text(encoding="utf-8") == "zweite Fassung, 슬픔"
    assert os.listdir(target.parent) == ["a.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_failure_leaves_the_old_one_and_no_rest(tmp_path, kind):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(KeyError), files.replacing(target) as draft:
        if kind == "file":
            draft.write_text("half")
        else:
            draft.mkdir()
            (draft / "inner").write_text("half")
        raise KeyError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_draft_is_hidden_keeps_its_ending_and_lies_beside_the_target(tmp_path):
    with files.replacing(tmp_path / "table.parquet") as draft:
        assert draft.parent == tmp_path
        assert draft.name.startswith(".")
        assert draft.suffix == ".parquet"
        draft.touch()


def test_a_folder_can_be_written_whole(tmp_path):
    with files.replacing(tmp_path / "run") as draft:
        draft.mkdir()
        (draft / "a").write_text("1")
    assert (tmp_path / "run" / "a").read_text() == "1"


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "a"):
        pass


def test_json_is_readable_and_refuses_what_json_has_no_word_for(tmp_path):
    target = tmp_path / "a.json"
    files.write_json(target, {"emotion": "슬픔", "value": None})
    assert "슬픔" in target.read_text(encoding="utf-8")
    assert json.loads(target.read_text(encoding="utf-8"))["value"] is None
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(target, {"value": float("nan")})
    assert json.loads(target.read_text(encoding="utf-8"))["value"] is None


def test_readers_never_see_half_a_file(tmp_path):
    target = tmp_path / "a.json"
    texts = [json.dumps([i] * 50_000) for i in range(2)]
    files.write_text(target, texts[0])
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            seen.add(target.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(60):
        files.write_text(target, texts[i % 2])
    done.set()
    reader.join()
    assert seen <= set(texts)


def test_a_kill_while_writing_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    code = (
        "import sys, time; from sertools import files\n"
        "with files.replacing(sys.argv[1]) as draft:\n"
        "    draft.write_text('half'); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(target)])
    deadline = time.monotonic() + 20
    while len(os.listdir(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(os.listdir(tmp_path)) == 2
    process.kill()
    process.wait()
    assert target.read_text() == "old"


HOLD = """
import sys, time
from sertools.files import holding
with holding(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_holder_at_a_time_and_nothing_is_left(tmp_path):
    path = tmp_path / "a.lock"
    with holding(path) as first:
        assert first
        with holding(path, wait=False) as second:
            assert not second
        assert path.exists()
    assert not path.exists()
    with holding(path, wait=False) as again:
        assert again


def test_a_lock_is_free_when_its_holder_is_killed(tmp_path):
    path = tmp_path / "a.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    with holding(path, wait=False) as held:
        assert not held
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with holding(path, wait=False) as held:
        assert held


def test_who_waits_never_meets_another_holder(tmp_path):
    path, inside, met = tmp_path / "a.lock", [], []

    def visit():
        for _ in range(20):
            with holding(path):
                inside.append(1)
                met.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [1] * 80
    assert not path.exists()
