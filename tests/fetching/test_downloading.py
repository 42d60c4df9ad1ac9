"""Downloads from a real server on loopback that breaks in every way known."""

import email.utils
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sertools import fetching

BODY = random.Random(0).randbytes(3_000_000)
OTHER = random.Random(1).randbytes(3_000_000)
HALF = len(BODY) // 2
MD5 = hashlib.md5(BODY).hexdigest()


def get(server, folder, path="/a.zip", **given):
    return fetching.download(
        server.url(path), folder / "a.zip", **{"progress": False, **given}
    )


def in_place(folder):
    return sorted(path.name for path in folder.iterdir())


# The plain way


def test_a_file_arrives_whole_and_alone(server, tmp_path):
    server.put("/a.zip", BODY)
    target = fetching.download(
        server.url("/a.zip"), tmp_path / "new" / "a.zip", md5=MD5, progress=False
    )
    assert target == tmp_path / "new" / "a.zip"
    assert target.read_bytes() == BODY
    assert in_place(tmp_path / "new") == ["a.zip"]
    assert target.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_good_file_is_not_fetched_again(server, tmp_path):
    (tmp_path / "a.zip").write_bytes(BODY)
    assert get(server, tmp_path, md5=MD5.upper()).read_bytes() == BODY
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.log == []


def test_a_bad_file_is_replaced_only_by_a_good_one(server, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        get(server, tmp_path, md5=MD5)
    assert (tmp_path / "a.zip").read_bytes() == b"old"
    server.put("/a.zip", BODY)
    assert get(server, tmp_path, md5=MD5).read_bytes() == BODY


@pytest.mark.parametrize("tells_length", [True, False])
def test_an_empty_file(server, tmp_path, tells_length):
    server.put("/a.zip", b"", tells_length=tells_length)
    assert get(server, tmp_path).read_bytes() == b""
    assert in_place(tmp_path) == ["a.zip"]


def test_a_file_of_unknown_length(server, tmp_path):
    server.put("/a.zip", BODY, tells_length=False)
    assert get(server, tmp_path, size=len(BODY), connections=4).read_bytes() == BODY


def test_progress_goes_to_standard_error(server, tmp_path, capsys):
    server.put("/a.zip", BODY)
    get(server, tmp_path, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "a.zip: 100%" in err
    assert "3.00M/3.00M" in err and "B/s" in err
    (tmp_path / "a.zip").unlink()
    get(server, tmp_path)
    assert capsys.readouterr() == ("", "")


# Broken connections


@pytest.mark.parametrize("how", ["cut", "reset"])
@pytest.mark.parametrize(
    "names",
    [
        {"etag": '"x"'},
        {"etag": None, "modified": "Fri, 02 Jan 2015 00:00:00 GMT"},
        {"etag": 'W/"weak"', "modified": "Fri, 02 Jan 2015 00:00:00 GMT"},
    ],
)
def test_a_cut_connection_is_resumed(server, tmp_path, how, names):
    server.put("/a.zip", BODY, script=[{how: HALF}], **names)
    assert get(server, tmp_path).read_bytes() == BODY
    first, second = server.log
    assert first.range is None and first.sent == HALF
    assert second.status == 206
    assert second.if_range == (names.get("modified") or names["etag"])
    if how == "cut":  # what was on its way when a connection is reset may be lost
        assert second.range == f"bytes={HALF}-{len(BODY) - 1}"
        assert server.sent == len(BODY)


def test_resumed_by_the_next_call(server, tmp_path):
    page = server.put("/a.zip", BODY, script=[{"cut": HALF}])
    with pytest.raises(ConnectionError, match=r"1\.5 MB are kept: run the same again"):
        get(server, tmp_path, retries=0)
    assert in_place(tmp_path) == [".a.zip.part", ".a.zip.part.json"]
    page.script = [{"cut": 1000}, {"cut": 0}, 503]
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.sent == len(BODY)
    assert in_place(tmp_path) == ["a.zip"]


def test_many_cuts_are_no_failure_while_bytes_arrive(server, tmp_path):
    body = BODY * 3
    server.put("/a.zip", body, script=[{"cut": 1_100_000}] * 8)
    assert get(server, tmp_path, retries=1).read_bytes() == body
    assert server.sent == len(body)


def test_a_nameless_file_is_resumed_only_if_checked(server, tmp_path):
    server.put("/a.zip", BODY, etag=None, script=[{"cut": HALF}])
    assert get(server, tmp_path).read_bytes() == BODY
    assert [served.range for served in server.log] == [None, None]
    server.log.clear()
    (tmp_path / "a.zip").unlink()
    server.pages["/a.zip"].script = [{"cut": HALF}]
    assert get(server, tmp_path, md5=MD5).read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_server_that_only_sends_whole_files(server, tmp_path):
    server.put("/a.zip", BODY, ranges=False, script=[{"cut": HALF}])
    assert get(server, tmp_path, md5=MD5, connections=4).read_bytes() == BODY
    assert {served.status for served in server.log} == {200}


@pytest.mark.parametrize(
    "changed",
    [
        {"body": OTHER, "etag": '"two"'},
        {"body": OTHER[:HALF], "etag": '"two"'},
        {"body": OTHER, "etag": '"two"', "heeds_if_range": False},
        {"body": OTHER + b"more", "etag": None, "heeds_if_range": False},
        {"body": OTHER[:1000], "etag": None, "heeds_if_range": False},  # 416
        {"body": OTHER, "etag": None, "heeds_if_range": False, "ranges": "shifted"},
    ],
)
@pytest.mark.parametrize("retries", [0, 5])
def test_a_changed_file_is_not_glued_together(server, tmp_path, changed, retries):
    server.put("/a.zip", BODY, script=[{"cut": HALF}])
    with pytest.raises(ConnectionError):
        get(server, tmp_path, retries=0)
    server.put("/a.zip", **changed)
    assert get(server, tmp_path, retries=retries).read_bytes() == changed["body"]
    assert in_place(tmp_path) == ["a.zip"]


def test_a_part_from_another_address_is_not_continued(server, tmp_path):
    server.put("/a.zip", BODY, script=[{"cut": HALF}])
    server.put("/b.zip", OTHER)
    with pytest.raises(ConnectionError):
        get(server, tmp_path, retries=0)
    assert get(server, tmp_path, "/b.zip").read_bytes() == OTHER


@pytest.mark.parametrize("done", [None, "?", [], [[0]], [[0, 2_000_000]]])
def test_bytes_without_a_good_note_are_not_used(server, tmp_path, done):
    (tmp_path / ".a.zip.part").write_bytes(OTHER[:HALF])
    if done is not None:
        note = {"url": server.url("/a.zip"), "total": len(BODY), "version": '"one"'}
        file = tmp_path / ".a.zip.part.json"
        file.write_text(json.dumps({**note, "done": done}))
    server.put("/a.zip", BODY)
    assert get(server, tmp_path).read_bytes() == BODY
    assert in_place(tmp_path) == ["a.zip"]


def test_nobody_there(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a.zip"
    with pytest.raises(ConnectionError, match="refused; given up after 2 attempts"):
        fetching.download(url, tmp_path / "a.zip", retries=1, progress=False)
    assert in_place(tmp_path) == []


# What servers say


def test_wrong_checksum(server, tmp_path):
    server.put("/a.zip", OTHER)
    with pytest.raises(ValueError, match="run the same again") as caught:
        get(server, tmp_path, md5=MD5)
    assert MD5 in str(caught.value)
    assert hashlib.md5(OTHER).hexdigest() in str(caught.value)
    assert "\n" not in str(caught.value)
    assert in_place(tmp_path) == []


@pytest.mark.parametrize("tells_length", [True, False])
def test_another_size_is_noticed_early(server, tmp_path, tells_length):
    server.put("/a.zip", BODY * 9, tells_length=tells_length)
    with pytest.raises(ValueError, match=r"a\.zip has .* bytes"):
        get(server, tmp_path, size=1_000_000)
    assert server.sent < len(BODY * 9)
    assert in_place(tmp_path) == []


def test_too_few_bytes(server, tmp_path):
    server.put("/a.zip", BODY, tells_length=False)
    with pytest.raises(ValueError, match="has 3000000 bytes, not 4000000"):
        get(server, tmp_path, size=4_000_000)
    assert in_place(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, FileNotFoundError),
        (410, FileNotFoundError),
        (403, PermissionError),
        (401, PermissionError),
        (400, ConnectionError),
        (202, ConnectionError),
    ],
)
def test_a_refusal_is_one_line_and_final(server, tmp_path, status, kind):
    server.put("/a.zip", BODY, script=[status])
    with pytest.raises(kind, match=rf"^http.*/a\.zip answered {status}[^\n]*$"):
        get(server, tmp_path)
    assert len(server.log) == 1
    assert in_place(tmp_path) == []


def test_429_waits_as_long_as_it_is_told(server, tmp_path):
    server.put("/a.zip", BODY, script=[(429, {"Retry-After": "1"})])
    began = time.monotonic()
    assert get(server, tmp_path).read_bytes() == BODY
    assert 1.0 <= time.monotonic() - began < 20


def test_retry_after_may_be_a_date(server, tmp_path):
    date = email.utils.formatdate(time.time() + 2, usegmt=True)
    server.put("/a.zip", BODY, script=[(503, {"Retry-After": date})])
    began = time.monotonic()
    assert get(server, tmp_path).read_bytes() == BODY
    assert 0.8 <= time.monotonic() - began < 20


def test_nobody_waits_for_an_hour(server, tmp_path):
    server.put("/a.zip", BODY, script=[(429, {"Retry-After": "3600"})])
    with pytest.raises(ConnectionError, match=r"429 .* asks to wait 3600 s"):
        get(server, tmp_path)
    assert in_place(tmp_path) == []


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_busy_server_is_asked_again(server, tmp_path, status):
    server.put("/a.zip", BODY, script=[status, status])
    assert get(server, tmp_path, retries=2).read_bytes() == BODY


def test_but_not_for_ever(server, tmp_path):
    server.put("/a.zip", BODY, script=[503] * 9)
    with pytest.raises(ConnectionError, match=r"503 .* given up after 3 attempts"):
        get(server, tmp_path, retries=2)
    assert len(server.log) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_resumed(server, tmp_path, status):
    away = (status, {"Location": "/store/1"})
    server.put("/a.zip", b"", script=[away, away])
    server.put("/store/1", BODY, script=[{"cut": HALF}])
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.sent == len(BODY)


@pytest.mark.parametrize("to", ["file:///etc/hostname", "ftp://127.0.0.1/a", "/a.zip"])
def test_a_redirect_to_nowhere_good(server, tmp_path, to):
    server.put("/a.zip", b"", script=[(302, {"Location": to})] * 30)
    with pytest.raises(ConnectionError):
        get(server, tmp_path)
    assert in_place(tmp_path) == []


# Several connections


def test_several_connections_share_the_file(server, tmp_path):
    body = BODY * 8
    server.put("/a.zip", body)
    assert get(server, tmp_path, connections=3).read_bytes() == body
    assert len(server.log) == 3
    ranges = sorted(served.range for served in server.log if served.range)
    assert ranges == ["bytes=12000000-17999999", "bytes=18000000-23999999"] or (
        ranges == ["bytes=12000000-23999999", "bytes=6000000-11999999"]
    )


def test_one_of_several_breaks(server, tmp_path):
    body = BODY * 8
    server.put("/a.zip", body, script=[None, {"cut": 100}, 429, 503])
    assert get(server, tmp_path, connections=4).read_bytes() == body


def test_several_connections_are_resumed_by_one(server, tmp_path):
    body = BODY * 8
    server.put("/a.zip", body, script=[{"cut": 500_000}] * 3)
    with pytest.raises(ConnectionError, match=r"1\.5 MB are kept"):
        get(server, tmp_path, connections=3, retries=0)
    server.log.clear()
    assert get(server, tmp_path).read_bytes() == body
    assert server.sent == len(body) - 1_500_000


def test_a_server_that_promises_ranges_and_lies(server, tmp_path):
    body = BODY * 8
    server.put("/a.zip", body, ranges="promised")
    assert get(server, tmp_path, connections=2).read_bytes() == body


def test_a_refusal_ends_all_of_several(server, tmp_path):
    body = BODY * 8
    server.put("/a.zip", body, script=[None, 404], pause=0.01)
    with pytest.raises(FileNotFoundError, match="answered 404"):
        get(server, tmp_path, connections=2)
    assert server.sent < len(body) / 2


def test_a_small_file_takes_one_connection(server, tmp_path):
    server.put("/a.zip", BODY)
    assert get(server, tmp_path, connections=8).read_bytes() == BODY
    assert len(server.log) == 1


# Ctrl-C, two at once, a full disk: in processes of their own

FETCH = """
import sys
from sertools import fetching
url, target, connections = sys.argv[1:4]
try:
    fetching.download(url, target, connections=int(connections), progress=False)
except OSError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def start(server, folder, connections=1, before=""):
    line = [sys.executable, "-c", before + FETCH, server.url("/a.zip")]
    return subprocess.Popen(
        [*line, str(folder / "a.zip"), str(connections)], stderr=subprocess.PIPE
    )


def wait_until(condition):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError("never came true")


def noted(folder):
    """Count the bytes that a part's note speaks of."""
    try:
        note = json.loads((folder / ".a.zip.part.json").read_text())
    except FileNotFoundError:
        return 0
    return sum(stop - start for start, stop in note["done"])


NOTES = """
from sertools.fetching import transfer
transfer.KEPT_EVERY = {}
"""
SELDOM, OFTEN = NOTES.format(1e9), NOTES.format(0)


@pytest.mark.parametrize(("connections", "notes"), [(1, SELDOM), (3, OFTEN)])
def test_ctrl_c_and_again(server, tmp_path, connections, notes):
    body = BODY * 8
    all_sent = 1_500_000 * connections
    server.put("/a.zip", body, script=[{"stall": 1_500_000}] * connections)
    process = start(server, tmp_path, connections, before=notes)
    part = tmp_path / ".a.zip.part"
    if connections == 1:
        wait_until(lambda: part.exists() and part.stat().st_size == all_sent)
    else:
        wait_until(lambda: noted(tmp_path) == all_sent)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == -signal.SIGINT
    assert in_place(tmp_path) == [".a.zip.part", ".a.zip.part.json"]
    assert noted(tmp_path) == all_sent
    server.log.clear()
    assert get(server, tmp_path).read_bytes() == body
    assert server.sent == len(body) - all_sent


@pytest.mark.parametrize(("notes", "kept"), [(SELDOM, 0), (OFTEN, HALF)])
def test_killed_and_again(server, tmp_path, notes, kept):
    server.put("/a.zip", BODY, script=[{"stall": HALF}])
    process = start(server, tmp_path, before=notes)
    part = tmp_path / ".a.zip.part"
    wait_until(lambda: part.exists() and part.stat().st_size == HALF)
    wait_until(lambda: noted(tmp_path) == kept)
    process.kill()
    process.communicate()
    assert not (tmp_path / "a.zip").exists()
    server.log.clear()
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.sent == len(BODY) - kept


def test_two_at_once(server, tmp_path):
    server.put("/a.zip", BODY, script=[{"stall": HALF}])
    process = start(server, tmp_path)
    wait_until(lambda: server.sent == HALF)
    with pytest.raises(ConnectionError, match="being fetched by another process"):
        get(server, tmp_path)
    server.released.set()  # the stalled connection ends, and the first call goes on
    assert process.wait(timeout=20) == 0
    process.stderr.close()
    assert (tmp_path / "a.zip").read_bytes() == BODY
    assert in_place(tmp_path) == ["a.zip"]


LIMIT = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
"""


@pytest.mark.parametrize("connections", [1, 3])
def test_no_more_room_half_way(server, tmp_path, connections):
    server.put("/a.zip", BODY * 8)
    process = start(server, tmp_path, connections, before=LIMIT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert err.decode().startswith("OSError: No room on the disk for a.zip in ")
    assert err.decode().count("\n") == 1
    assert in_place(tmp_path) == []


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_full_disk(server, tmp_path, tells_length):
    server.put("/a.zip", BODY * 8, tells_length=tells_length)
    script = (
        f"mount -t tmpfs -o size=1m tmpfs {tmp_path} && "
        '{ "$0" -c "$1" "$2" "$3" 1; echo "exit $?"; '
        f"ls -A {tmp_path}; }}"
    )
    line = [sys.executable, FETCH, server.url("/a.zip"), f"{tmp_path}/a.zip"]
    if not shutil.which("unshare") or subprocess.call(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)],
        stderr=subprocess.DEVNULL,
    ):
        pytest.skip("this machine does not let one mount a small disk")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, *line], capture_output=True, text=True
    )
    assert done.stdout == "exit 1\n"  # and no file after it
    assert done.stderr.startswith("OSError: No room on the disk for a.zip in ")


def test_no_room_is_noticed_beforehand(server, tmp_path):
    server.put("/a.zip", BODY, tells_length=10**15)
    with pytest.raises(OSError, match=r"No room on the disk for a\.zip"):
        get(server, tmp_path)
    assert in_place(tmp_path) == []


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"Cannot write a\.zip in .*SERTOOLS_CACHE"):
        get(server, tmp_path / "file")


def test_a_folder_in_the_way(server, tmp_path):
    (tmp_path / "a.zip").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        get(server, tmp_path)


# Addresses


@pytest.mark.parametrize("url", ["a.zip", "file:///etc/hosts", "ftp://h/a", "https://"])
def test_only_the_web(tmp_path, url):
    with pytest.raises(ValueError, match="is not an http or https address"):
        fetching.download(url, tmp_path / "a.zip")


@pytest.mark.parametrize("url", ["http://h:port/a", "http://[::1/a"])
def test_no_address(tmp_path, url):
    with pytest.raises(ValueError, match=r"port|IPv6"):
        fetching.download(url, tmp_path / "a.zip")


def test_letters_of_any_script_in_an_address(server, tmp_path):
    server.put("/%EA%B8%B0%EC%81%A8/a%20b.zip", BODY)
    assert get(server, tmp_path, "/기쁨/a b.zip").read_bytes() == BODY


@pytest.mark.parametrize(
    ("mirror", "path"),
    [
        ("{base}", "/records/1/a.zip?download=1"),
        ("{base}/lab/", "/lab/records/1/a.zip?download=1"),
        ("{base}/{{host}}", "/zenodo.org/records/1/a.zip?download=1"),
    ],
)
def test_a_mirror(server, tmp_path, monkeypatch, mirror, path):
    server.put(path, BODY)
    monkeypatch.setenv("SERTOOLS_MIRROR", mirror.format(base=server.base))
    url = "https://zenodo.org/records/1/a.zip?download=1"
    target = fetching.download(url, tmp_path / "a.zip", md5=MD5, progress=False)
    assert target.read_bytes() == BODY


def test_a_folder_as_mirror(tmp_path, monkeypatch):
    stick = tmp_path / "my stick"
    file = stick / "zenodo.org" / "records" / "1" / "a.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(BODY)
    monkeypatch.setenv("SERTOOLS_MIRROR", f"{stick.as_uri()}/{{host}}")
    url = "https://zenodo.org/records/1/a.zip?download=1"
    target = fetching.download(url, tmp_path / "a.zip", connections=4, progress=False)
    assert target.read_bytes() == BODY
    with pytest.raises(FileNotFoundError, match="SERTOOLS_MIRROR points there"):
        fetching.download("https://zenodo.org/b", tmp_path / "b", progress=False)
    assert in_place(tmp_path) == ["a.zip", "my stick"]


def test_no_mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_MIRROR", "lab.example")
    with pytest.raises(ValueError, match=r"SERTOOLS_MIRROR='lab\.example' is"):
        fetching.download("https://zenodo.org/a", tmp_path / "a")


def test_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path))
    assert fetching.cache_folder() == tmp_path
    monkeypatch.setenv("SERTOOLS_CACHE", "~/here")
    assert fetching.cache_folder() == Path.home() / "here"
    monkeypatch.delenv("SERTOOLS_CACHE")
    assert fetching.cache_folder().name == "sertools"
