"""Files from a real server that breaks in every way known; archives, good and evil."""

import bz2
import contextlib
import email.utils
import gzip
import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sertools import fetching

# A web server on loopback that breaks as it is told, and counts what it served


@dataclass
class Page:
    """A file on the server.

    ``script`` holds what to do with the first requests, one entry each: a status
    (``503``), a status with headers (``(429, {"Retry-After": "1"})``), ``{"cut": n}``
    or ``{"reset": n}`` to end the connection after n bytes of the body,
    ``{"stall": n}`` to fall silent after n bytes, or None to serve it properly.
    Later requests are served properly. ``ranges="promised"`` advertises ranges, and
    sends the whole file all the same; ``"shifted"`` sends other ranges than asked.
    ``tells_length`` may be a length to claim; ``pause`` is in seconds, after each
    ``piece`` of so many bytes.
    """

    body: bytes
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool | str = True
    heeds_if_range: bool = True
    tells_length: bool | int = True
    pause: float = 0.0
    piece: int = 65536
    script: list = field(default_factory=list)


@dataclass
class Served:
    """What was asked of the server, and what it gave."""

    path: str
    range: str | None
    if_range: str | None
    status: int
    sent: int = 0


class FlakyServer:
    """Serve ``pages``, as a proxy, too; note every request in ``log``."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        self.scheme = "https" if tls else "http"
        self.pages, self.log, self.lock = {}, [], threading.Lock()
        self.released = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.http.daemon_threads, self.http.flaky = True, self
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    @property
    def base(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.http.server_port}"

    def url(self, path: str) -> str:
        return self.base + path

    def put(self, path: str, body: bytes, **how) -> Page:
        """Place a file on the server."""
        self.pages[path] = Page(body, **how)
        return self.pages[path]

    @property
    def sent(self) -> int:
        """Bytes of bodies served so far."""
        return sum(served.sent for served in self.log)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        flaky = self.server.flaky
        page = flaky.pages.get(self.path)
        with flaky.lock:
            step = page.script.pop(0) if page and page.script else None
            asked = self.headers.get("Range"), self.headers.get("If-Range")
            self.served = Served(self.path, *asked, 404)
            flaky.log.append(self.served)
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            if page is None:
                self.answer(404, {"Content-Length": "0"})
            elif isinstance(step, int | tuple):
                status, headers = step if isinstance(step, tuple) else (step, {})
                self.answer(status, {"Content-Length": "0", **headers})
            else:
                self.serve(page, step or {})

    do_CONNECT = do_GET  # a proxy is asked for host and port, in place of a path

    def answer(self, status: int, headers: dict):
        self.served.status = status
        self.send_response(status)
        for name, value in {**headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()

    def serve(self, page: Page, step: dict):
        body, status, headers = page.body, 200, {}
        if page.etag:
            headers["ETag"] = page.etag
        if page.modified:
            headers["Last-Modified"] = page.modified
        if page.ranges:
            headers["Accept-Ranges"] = "bytes"
        ranges = page.ranges and page.ranges != "promised"
        if self.served.range and ranges and self.still(page):
            first, _, last = self.served.range.removeprefix("bytes=").partition("-")
            first, stop = int(first), int(last) + 1 if last else len(body)
            first -= 1000 if page.ranges == "shifted" else 0
            if first >= len(body):
                self.answer(416, {"Content-Range": f"bytes */{len(body)}"})
                return
            headers["Content-Range"] = f"bytes {first}-{stop - 1}/{len(body)}"
            body, status = body[first:stop], 206
        if page.tells_length:
            told = len(body) if page.tells_length is True else page.tells_length
            headers["Content-Length"] = str(told)
        self.answer(status, headers)
        self.send(body, step, page)

    def still(self, page: Page) -> bool:
        wanted = self.served.if_range
        return wanted in (None, page.etag, page.modified) or not page.heeds_if_range

    def send(self, body: bytes, step: dict, page: Page):
        limit = next(iter(step.values()), len(body))
        for at in range(0, min(limit, len(body)), page.piece):
            chunk = body[at : min(at + page.piece, limit)]
            self.served.sent += len(chunk)  # before the client can have it all
            self.wfile.write(chunk)
            time.sleep(page.pause)
        if "stall" in step:
            self.server.flaky.released.wait(20)
        if "reset" in step:  # a hard end, not a polite one
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with FlakyServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _quick_and_alone(monkeypatch):
    """Keep the pauses short, and the user's proxies and mirror out."""
    monkeypatch.setattr(fetching, "_BACKOFF", 0.01)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("SERTOOLS_MIRROR", raising=False)


# Checksums


def test_sha256(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"clip" * 1_000_000)
    expected = hashlib.sha256(b"clip" * 1_000_000).hexdigest()
    assert fetching.sha256(file) == expected
    fetching.verify(file, sha256=expected.upper(), size=4_000_000)


@pytest.mark.parametrize(
    ("promised", "told"),
    [
        ({"size": 3}, "has 4 bytes, not 3"),
        ({"md5": "0" * 32}, "md5 is [0-9a-f]{32}, not 0{32}"),
        ({"sha256": "f" * 64}, "sha256 is [0-9a-f]{64}, not f{64}"),
    ],
)
def test_verify_names_file_and_both_values(tmp_path, promised, told):
    file = tmp_path / "a.wav"
    file.write_bytes(b"clip")
    with pytest.raises(ValueError, match=rf"a\.wav: its? {told}"):
        fetching.verify(file, **promised)


def test_verify_of_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        fetching.verify(tmp_path / "a", md5="0" * 32)


# Downloads

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


@pytest.mark.parametrize("gaps", [None, "?", [], [[0]], [[2_000_000, 3_000_000]]])
def test_bytes_without_a_good_note_are_not_used(server, tmp_path, gaps):
    (tmp_path / ".a.zip.part").write_bytes(OTHER[:HALF])
    if gaps is not None:
        note = {"url": server.url("/a.zip"), "total": len(BODY), "version": '"one"'}
        file = tmp_path / ".a.zip.part.json"
        file.write_text(json.dumps({**note, "gaps": gaps, "length": HALF}))
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


# From https to http


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Make a certificate for loopback, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    names = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subject = ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*line, *names, *subject], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def encrypted(certificate, monkeypatch):
    """Serve over https, with a certificate that this process trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    fetching._opener.cache_clear()
    with FlakyServer(context) as server:
        yield server
    fetching._opener.cache_clear()


def test_a_redirect_from_https_to_http_is_refused(encrypted, server, tmp_path):
    away = (302, {"Location": server.url("/a.zip")})
    encrypted.put("/a.zip", b"", script=[away])
    server.put("/a.zip", BODY)
    with pytest.raises(ConnectionError, match=r"^https.* leads on to http.* not https"):
        get(encrypted, tmp_path)
    assert len(encrypted.log) == 1
    assert server.log == []
    assert in_place(tmp_path) == []


def test_a_redirect_from_https_or_http_to_https_is_followed(
    encrypted, server, tmp_path
):
    encrypted.put("/a.zip", b"", script=[(302, {"Location": "/store/1"})])
    server.put("/a.zip", b"", script=[(302, {"Location": encrypted.url("/a.zip")})])
    encrypted.put("/store/1", BODY)
    assert get(server, tmp_path).read_bytes() == BODY


def test_a_certificate_that_nobody_vouches_for(encrypted, tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    fetching._opener.cache_clear()
    with pytest.raises(ConnectionError, match=r"cannot be verified .*SSL_CERT_FILE"):
        get(encrypted, tmp_path)


# Silence and slowness


def test_silence_is_a_break_like_any_other(server, tmp_path):
    server.put("/a.zip", BODY, script=[{"stall": HALF}])
    assert get(server, tmp_path, timeout=0.3).read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_server_that_stays_silent(server, tmp_path):
    server.put("/a.zip", BODY, script=[{"stall": 0}] * 9)
    with pytest.raises(
        ConnectionError, match=r"no answer for 0\.2 s; given up after 2"
    ):
        get(server, tmp_path, timeout=0.2, retries=1)
    assert in_place(tmp_path) == []


def test_the_whole_may_take_so_long_and_no_longer(server, tmp_path):
    page = server.put("/a.zip", BODY, pause=0.05)
    with pytest.raises(TimeoutError, match=r"after max_seconds=0\.5\. .* MB are kept"):
        get(server, tmp_path, max_seconds=0.5)
    assert in_place(tmp_path) == [".a.zip.part", ".a.zip.part.json"]
    page.pause = 0
    assert get(server, tmp_path).read_bytes() == BODY
    assert any(served.status == 206 for served in server.log)


@pytest.mark.parametrize("step", [{"stall": 0}, (503, {"Retry-After": "100"})])
def test_neither_silence_nor_pauses_make_it_longer(server, tmp_path, step):
    server.put("/a.zip", BODY, script=[step] * 9)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"given up after max_seconds=0\.5"):
        get(server, tmp_path, max_seconds=0.5)
    assert time.monotonic() - began < 5
    assert in_place(tmp_path) == []


# Too much, or something else


@pytest.mark.parametrize("tells_length", [True, False])
def test_nobody_vouches_for_a_file_above_the_limit(server, tmp_path, tells_length):
    server.put("/a.zip", BODY, tells_length=tells_length)
    with pytest.raises(ValueError, match=r"more than 1000000 bytes.*raise max_bytes"):
        get(server, tmp_path, max_bytes=1_000_000)
    assert in_place(tmp_path) == []


def test_the_limit_is_4_gb(server, tmp_path):
    server.put("/a.zip", BODY, tells_length=4_000_000_001)
    with pytest.raises(ValueError, match=r"more than 4000000000 bytes"):
        get(server, tmp_path)


@pytest.mark.parametrize("known", [{"md5": MD5}, {"size": len(BODY)}])
def test_a_known_file_may_be_above_the_limit(server, tmp_path, known):
    server.put("/a.zip", BODY)
    assert get(server, tmp_path, max_bytes=1, **known).read_bytes() == BODY


PAGES = [
    b"<!DOCTYPE html><title>Sign in</title>",
    b"\r\n  <HTML lang=en>",
    b"\xef\xbb\xbf<!doctype HTML>",
    b"<?xml version='1.0'?>\n<!-- moved -->\n<!DOCTYPE html>",
    b"<head>",
]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.GZ", "03a01Fa.wav", "a.flac"])
@pytest.mark.parametrize("start", PAGES)
@pytest.mark.parametrize("known", [{}, {"md5": MD5}])
def test_a_page_in_place_of_an_archive_or_audio(server, tmp_path, name, start, known):
    server.put("/a", start + bytes(1_000_000))
    with pytest.raises(ValueError, match=r"is a web page, not a \.\w+ file") as caught:
        fetching.download(server.url("/a"), tmp_path / name, progress=False, **known)
    assert "\n" not in str(caught.value)
    assert in_place(tmp_path) == []


def test_a_page_that_comes_byte_by_byte(server, tmp_path):
    server.put("/a.zip", PAGES[0], piece=1, pause=0.002)
    with pytest.raises(ValueError, match="is a web page"):
        get(server, tmp_path)


def test_what_looks_like_a_page_at_first_costs_no_time(server, tmp_path):
    server.put("/a.zip", b"<!---->" * 1000)
    assert get(server, tmp_path).read_bytes() == b"<!---->" * 1000


def test_a_page_where_one_may_be(server, tmp_path):
    server.put("/a", PAGES[0])
    for name in ("a.html", "a.txt", "a"):
        fetching.download(server.url("/a"), tmp_path / name, progress=False)
        assert (tmp_path / name).read_bytes() == PAGES[0]


# Proxies


@pytest.fixture
def proxy(server, monkeypatch):
    """Let the server be the proxy for everything, with a password."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    address = server.base.replace("http://", "http://me:secret@")
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, address)
    return server


def through(folder, scheme, **given):
    url = f"{scheme}://files.example/a.zip"
    return fetching.download(url, folder / "a.zip", progress=False, **given)


def test_through_a_proxy(proxy, tmp_path):
    proxy.put("http://files.example/a.zip", BODY)
    assert through(tmp_path, "http").read_bytes() == BODY


@pytest.mark.parametrize(
    ("scheme", "asked", "step"),
    [
        ("https", "files.example:443", 403),
        ("https", "files.example:443", 407),
        ("http", "http://files.example/a.zip", 407),
        ("http", "http://files.example/a.zip", (403, {"X-Squid-Error": "DENIED 0"})),
    ],
)
def test_a_refusal_of_the_proxy_is_called_that(proxy, tmp_path, scheme, asked, step):
    proxy.put(asked, b"", script=[step])
    with pytest.raises(PermissionError, match=r"the proxy 127\S+ answered 40\d") as c:
        through(tmp_path, scheme)
    assert "secret" not in str(c.value) and "\n" not in str(c.value)
    assert len(proxy.log) == 1
    assert in_place(tmp_path) == []


def test_a_refusal_of_the_server_is_not_the_proxys(proxy, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.zip answered 404") as caught:
        through(tmp_path, "http")
    assert "proxy" not in str(caught.value)


def test_a_proxy_that_is_busy_is_asked_again(proxy, tmp_path):
    proxy.put("files.example:443", b"", script=[502] * 9)
    with pytest.raises(
        ConnectionError, match=r"the proxy 127\S+ answered 502 .* 2 att"
    ):
        through(tmp_path, "https", retries=1)
    assert len(proxy.log) == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(tmp_path, monkeypatch, scheme):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv(f"{scheme}_proxy", address)
    with pytest.raises(ConnectionError, match=r"the proxy 127\S+ .*refused; given up"):
        through(tmp_path, scheme, retries=0)


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
    return note["total"] - sum(stop - start for start, stop in note["gaps"])


NOTES = """
from sertools import fetching
fetching._KEPT_EVERY = {}
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


def on_a_small_disk(folder, line):
    """Run some Python where `folder` is a disk of 1 MB; then list what is in it."""
    script = (
        f"mount -t tmpfs -o size=1m tmpfs {folder} && "
        '{ "$0" -c "$@"; echo "exit $?"; '
        f"ls -A {folder}; }}"
    )
    if not shutil.which("unshare") or subprocess.call(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(folder)],
        stderr=subprocess.DEVNULL,
    ):
        pytest.skip("this machine does not let one mount a small disk")
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, sys.executable, *line],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("tells_length", [True, False])
@pytest.mark.parametrize("notes", [SELDOM, OFTEN])
def test_a_full_disk(server, tmp_path, tells_length, notes):
    server.put("/a.zip", BODY * 8, tells_length=tells_length)
    line = [notes + FETCH, server.url("/a.zip"), f"{tmp_path}/a.zip", "1"]
    done = on_a_small_disk(tmp_path, line)
    assert done.stdout == "exit 1\n"  # and no file after it
    assert done.stderr.startswith("OSError: No room on the disk for a.zip in ")


def test_no_room_is_noticed_beforehand(server, tmp_path):
    server.put("/a.zip", BODY, tells_length=10**15)
    with pytest.raises(OSError, match=r"No room on the disk for a\.zip"):
        get(server, tmp_path, md5=MD5)
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


# Archives, made byte by byte

WAV = b"RIFF" + random.Random(0).randbytes(200_000)
FILES = {
    "wav/03a01Fa.wav": WAV,
    "wav/기쁨 b.wav": b"",
    "./notes/<img onerror=x>.txt": b"text" * 1000,
    "more/wav/03a01Fa.wav": WAV[::-1],
}
KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")
GIGABYTE = 1_000_000_000


def make(path: Path, files: dict) -> Path:
    """Make an archive of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, body in files.items():
                archive.writestr(name, body)
        return path
    packed = path.suffix.removeprefix(".").replace("tar", "")
    with tarfile.open(path, f"w:{packed}") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def make_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("wav/first.wav"))
        for member in members:
            archive.addfile(member)
    return path


def refused(archive: Path, told: str, **given) -> str:
    """Check that an archive is refused in one line, and leaves nothing behind."""
    before = sorted(archive.parent.iterdir())
    with pytest.raises(ValueError, match=told) as caught:
        fetching.unpack(archive, archive.parent / "out", **given)
    line = str(caught.value)
    assert line.startswith(f"{archive}: ") and "\n" not in line
    assert sorted(archive.parent.iterdir()) == before
    return line


# Good archives


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_unpacked_whole(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES)
    folder = fetching.unpack(archive, tmp_path / "data" / "emodb")
    found = {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
    assert {str(p): found[p].read_bytes() for p in found} == {
        name.removeprefix("./"): body for name, body in FILES.items()
    }
    assert [p.name for p in folder.parent.iterdir()] == ["emodb"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_says_what_it_is_not_the_name(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES).rename(tmp_path / "download")
    assert (fetching.unpack(archive, tmp_path / "out") / "wav").is_dir()


@pytest.mark.parametrize("kind", KINDS)
def test_some_members_only(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES)
    one = fetching.unpack(archive, tmp_path / "one", members="wav/03a01Fa.wav")
    assert [p.name for p in one.rglob("*.*")] == ["03a01Fa.wav"]
    wav = fetching.unpack(archive, tmp_path / "wav", members=("*.wav",))
    assert len(list(wav.rglob("*.*"))) == 3
    refused(archive, "it holds nothing called b.wav", members=["wav/*", "b.wav"])


def test_a_zip_with_folders_and_an_empty_zip(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.mkdir("wav")
        file.writestr("wav/a.wav", WAV)
        file.mkdir("empty")
    folder = fetching.unpack(archive, tmp_path / "out")
    assert sorted(p.name for p in folder.rglob("*")) == ["a.wav", "empty", "wav"]
    assert not list(fetching.unpack(make(archive, {}), tmp_path / "none").iterdir())


def test_permissions_are_not_taken_over(tmp_path):
    info = tarfile.TarInfo("run.sh")
    info.mode = 0o6777
    folder = fetching.unpack(make_tar(tmp_path / "a.tgz", info), tmp_path / "out")
    assert not (folder / "run.sh").stat().st_mode & (0o111 | stat.S_ISUID)


def test_the_folder_must_be_new_or_empty(tmp_path):
    archive = make(tmp_path / "a.zip", FILES)
    folder = tmp_path / "out"
    folder.mkdir()
    fetching.unpack(archive, folder)
    before = sorted(folder.rglob("*"))
    with pytest.raises(FileExistsError, match="holds something already"):
        fetching.unpack(archive, folder)
    assert sorted(folder.rglob("*")) == before


def test_no_archive(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no archive"):
        fetching.unpack(tmp_path / "a.zip", tmp_path / "out")
    for body in (b"", b"<!DOCTYPE html>" * 99, b"version https://git-lfs", WAV):
        (tmp_path / "a.zip").write_bytes(body)
        refused(tmp_path / "a.zip", "no zip or tar")
    (tmp_path / "a.zip").write_bytes(gzip.compress(WAV))
    refused(tmp_path / "a.zip", "no zip or tar")


# Names that lead elsewhere


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../evil.txt", "leads out"),
        ("wav/../../evil.txt", "leads out"),
        ("wav/..", "leads out"),
        ("/tmp/evil.txt", "absolute"),
        ("//host/evil.txt", "absolute"),
        ("C:/evil.txt", "absolute"),
        ("c:evil.txt", "absolute"),
        ("..\\evil.txt", "every system"),
        ("wav\\evil.txt", "every system"),
        ("\\\\host\\evil.txt", "every system"),
    ],
)
def test_paths_that_lead_elsewhere(tmp_path, kind, name, told):
    place = tmp_path / "place"
    place.mkdir()
    archive = make(place / f"a.{kind}", {"wav/good.wav": WAV, name: b"evil"})
    refused(archive, told)
    refused(archive, told, members="wav/good.wav")
    assert [p.name for p in tmp_path.rglob("*")] == ["place", f"a.{kind}"]


def test_a_zip_that_hides_the_end_of_a_name(tmp_path):
    archive = make(tmp_path / "a.zip", {"a.wav#evil": WAV})
    archive.write_bytes(archive.read_bytes().replace(b"a.wav#", b"a.wav\0"))
    refused(archive, "every system")


# Links and devices


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
    ],
)
def test_links_and_devices_in_a_tar(tmp_path, kind):
    info = tarfile.TarInfo("wav/passwd")
    info.type, info.linkname = kind, "/etc/passwd"
    refused(make_tar(tmp_path / "a.tgz", info), "'wav/passwd' is a link or a device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip(tmp_path, kind):
    archive = tmp_path / "a.zip"
    info = zipfile.ZipInfo("wav/passwd")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(info, "/etc/passwd")
    refused(archive, "'wav/passwd' is a link or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a", "a/b"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_two_things_of_one_name(tmp_path, kind, second):
    archive = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("a", b"1")
            file.writestr(second, b"2")
    else:
        with tarfile.open(archive, "w") as file:
            file.addfile(tarfile.TarInfo("a"))
            file.addfile(tarfile.TarInfo(second))
    refused(archive, "two things called 'a'")


# Too much


def test_a_true_bomb_of_ten_kilobytes(tmp_path):
    zeros = bz2.compress(bytes(50_000_000))
    header = tarfile.TarInfo("a.wav")
    header.size = 10 * GIGABYTE
    archive = tmp_path / "a.tar.bz2"
    archive.write_bytes(bz2.compress(header.tobuf()) + zeros * 200)
    assert archive.stat().st_size < 20_000
    refused(archive, "bytes would grow to 10000000000 or more, over 200 times")
    refused(archive, "would grow", members="b.wav", max_bytes=99 * GIGABYTE)


def peak() -> int:
    """Give the most memory that this process ever held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_a_bomb_that_lies_about_its_size(tmp_path):
    zeros = bz2.compress(bytes(50_000_000))
    header = tarfile.TarInfo("a.wav")
    header.size = 512
    archive = tmp_path / "a.tar.bz2"
    archive.write_bytes(bz2.compress(header.tobuf()) + zeros * 200)
    before = peak()
    folder = fetching.unpack(archive, tmp_path / "out")
    assert (folder / "a.wav").stat().st_size == 512
    assert peak() - before < 200_000_000


def test_a_bomb_in_a_header(tmp_path):
    header = tarfile.TarInfo("a.wav")
    header.type, header.size = tarfile.XHDTYPE, 10 * GIGABYTE
    body = header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(gzip.compress(body))
    refused(archive, "damaged")
    archive.write_bytes(gzip.compress(tarfile.TarInfo("b.wav").tobuf() + body))
    refused(archive, "a header is absurdly long")


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "_MAX_MEMBERS", 3)
    refused(make(tmp_path / "a.zip", FILES), "more than 3 members")


def test_a_bomb_of_many_bytes_in_all(tmp_path):
    archive = make(tmp_path / "a.zip", {f"{n}.wav": bytes(2**20) for n in range(110)})
    refused(archive, "over 200 times")


def patched(archive: Path, size: int) -> Path:
    """Let all headers of a zip with one member claim another size."""
    with zipfile.ZipFile(archive) as file:
        true = file.infolist()[0].file_size
    old, new = (n.to_bytes(4, "little") for n in (true, size))
    body = archive.read_bytes()
    assert body.count(old) >= 2
    archive.write_bytes(body.replace(old, new))
    return archive


def test_a_zip_that_claims_gigabytes(tmp_path):
    archive = patched(make(tmp_path / "a.zip", {"a.wav": WAV}), 4 * GIGABYTE)
    refused(archive, "would grow to 4000000000")


def test_a_zip_that_holds_more_than_it_claims(tmp_path):
    archive = make(tmp_path / "a.zip", {"a.wav": bytes(30_000_000)})
    refused(patched(archive, 10), "damaged")


@pytest.mark.parametrize("claimed", [10, 300_000])
def test_bytes_are_counted_while_they_are_written(tmp_path, claimed):
    member = fetching._Member("a.wav", claimed, False, None, lambda: io.BytesIO(WAV))
    with pytest.raises(ValueError, match=r"'a\.wav' is not as long as its header says"):
        fetching._write(member, tmp_path)
    written = (tmp_path / "a.wav").stat().st_size
    assert written == (0 if claimed < len(WAV) else len(WAV))


def test_a_bound_of_ones_own(tmp_path):
    archive = make(tmp_path / "a.zip", FILES)
    total = sum(map(len, FILES.values()))
    line = refused(archive, "above the limit", max_bytes=total - 1)
    assert f"limit of {total - 1}" in line and "raise max_bytes" in line
    fetching.unpack(archive, tmp_path / "out", max_bytes=total)


@pytest.mark.parametrize("size", [-512, -10_000])
def test_a_negative_size(tmp_path, size):
    info = tarfile.TarInfo("a.wav")
    info.size = size
    archive = tmp_path / "a.tar"
    first = tarfile.TarInfo("first.wav").tobuf()
    archive.write_bytes(first + info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    refused(archive, "negative size|damaged")


# Damage


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_archive(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES)
    body = archive.read_bytes()
    archive.write_bytes(body[: len(body) // 2])
    refused(archive, "damaged .*Remove it and fetch it again")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_flipped_bit(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES)
    body = bytearray(archive.read_bytes())
    body[len(body) // 3] ^= 16
    archive.write_bytes(body)
    refused(archive, "damaged")


def test_a_tar_with_a_broken_header_in_the_middle(tmp_path):
    archive = make(tmp_path / "a.tar", FILES)
    body = archive.read_bytes()
    at = body.index(b"more/wav")
    archive.write_bytes(body[:at] + b"X" + body[at + 1 :])
    refused(archive, "something follows after its end")


def test_an_encrypted_zip(tmp_path):
    archive = make(tmp_path / "a.zip", {"a.wav": WAV})
    body = bytearray(archive.read_bytes())
    body[6] |= 1
    body[body.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(body)
    refused(archive, "'a.wav' is encrypted")


def test_an_unusual_compression(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("a.wav", WAV)
    refused(archive, "compressed in an unusual way")


# No room

UNPACK = """
import sys
from sertools import fetching
try:
    fetching.unpack(*sys.argv[1:])
except OSError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def test_unpacking_without_room_half_way(tmp_path):
    archive = make(tmp_path / "a.zip", FILES)
    code = LIMIT.replace("1_000_000", "100_000") + UNPACK
    line = [sys.executable, "-c", code, str(archive), str(tmp_path / "out")]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.stderr.startswith("OSError: No room on the disk for out in ")
    assert done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["a.zip"]


def test_no_room_to_unpack_is_noticed_beforehand(tmp_path):
    header = tarfile.TarInfo("a.wav")
    header.size = 10**15
    archive = tmp_path / "a.tar"
    with open(archive, "wb") as file:  # a hole: it takes no room itself
        file.write(header.tobuf())
        file.truncate(10**13)
    with pytest.raises(OSError, match="No room on the disk for out"):
        fetching.unpack(archive, tmp_path / "out", max_bytes=10**16)
    assert os.listdir(tmp_path) == ["a.tar"]


@pytest.mark.parametrize("claimed", [10_000, 3_000_000])
def test_unpacking_on_a_full_disk(tmp_path, claimed):
    files = {f"{n}.wav": random.Random(n).randbytes(claimed) for n in range(200)}
    archive = make(
        tmp_path / "a.zip", dict(list(files.items())[: 6_000_000 // claimed])
    )
    disk = tmp_path / "disk"
    disk.mkdir()
    done = on_a_small_disk(disk, [UNPACK, str(archive), str(disk / "out")])
    assert done.stdout == "exit 1\n"
    assert done.stderr.startswith("OSError: No room on the disk for out in ")


# What came is looked at, where nothing vouches for it


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("model.h5", b"<!DOCTYPE html><html>gone</html>", "a web page, not a .h5 file"),
        ("config.json", b"<html><body>404</body></html>", "a web page, not a .json"),
        ("model.pt", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_what_is_no_file_of_its_kind_is_refused(server, tmp_path, name, body, told):
    server.put("/what", body)
    with pytest.raises(ValueError, match=told):
        fetching.download(server.url("/what"), tmp_path / name, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["http://[::1/x", "https://[x"])
def test_an_address_that_is_none_is_named(url, tmp_path):
    with pytest.raises(ValueError, match="is not an http or https address"):
        fetching.download(url, tmp_path / "x")
