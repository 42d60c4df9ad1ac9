import signal
import subprocess
import sys
import threading
import time

from sertools.locks import holding

HOLD = """
import sys, time
from sertools.locks import holding
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
