"""A web server on loopback that breaks as it is told, and counts what it served."""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sertools.fetching import transfer


@dataclass
class Page:
    """A file on the server.

    ``script`` holds what to do with the first requests, one entry each: a status
    (``503``), a status with headers (``(429, {"Retry-After": "1"})``), ``{"cut": n}``
    or ``{"reset": n}`` to end the connection after n bytes of the body,
    ``{"stall": n}`` to fall silent after n bytes, or None to serve it properly.
    Later requests are served properly. ``ranges="promised"`` advertises ranges, and
    sends the whole file all the same; ``"shifted"`` sends other ranges than asked.
    ``tells_length`` may be a length to claim; ``pause`` is in seconds, every 64 KiB.
    """

    body: bytes
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool | str = True
    heeds_if_range: bool = True
    tells_length: bool | int = True
    pause: float = 0.0
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
    """Serve ``pages``; note every request in ``log``."""

    def __init__(self):
        self.pages, self.log, self.lock = {}, [], threading.Lock()
        self.released = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.http.daemon_threads, self.http.flaky = True, self
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
        return f"http://127.0.0.1:{self.http.server_port}"

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
        self.send(body, step, page.pause)

    def still(self, page: Page) -> bool:
        wanted = self.served.if_range
        return wanted in (None, page.etag, page.modified) or not page.heeds_if_range

    def send(self, body: bytes, step: dict, pause: float):
        limit = next(iter(step.values()), len(body))
        for at in range(0, min(limit, len(body)), 65536):
            chunk = body[at : min(at + 65536, limit)]
            self.served.sent += len(chunk)  # before the client can have it all
            self.wfile.write(chunk)
            time.sleep(pause)
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
    monkeypatch.setattr(transfer, "BACKOFF", 0.01)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("SERTOOLS_MIRROR", raising=False)
