"""Servers that are slow, silent, endless, or send something else; archives that lie."""

import contextlib
import functools
import hashlib
import io
import os
import socket
import stat
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from _faults.sounds import written
from _faults.trying import MARK, Try, Verdict, asked, command, ended, right

_LIMITS = {"timeout": 1.0, "retries": 1, "max_seconds": 6.0, "progress": False}
_SECONDS = 20


def tries(seed: int) -> list[Try]:
    """List what is tried."""
    made = [*_servers(), *_redirects(), *_addresses(), *_kinds(), *_targets()]
    made = [replace(one, batch=f"{n // 5}") for n, one in enumerate(made)]
    return [*made, *_archives(), *_commands()]


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket, bytes], None]):
    """Serve on this machine, each request with raw bytes; give the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked_for: list[bytes] = []

    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            request = connection.recv(65536)
            asked_for.append(request)
            answer(connection, request)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    os.environ.pop("SERTOOLS_MIRROR", None)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        os.environ.pop(name, None)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked_for
    finally:
        listener.close()


def reply(status: str = "200 OK", body: bytes = b"", length: int | None = -1, **more):
    """Write a whole reply; without a length where `length` is None."""
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    if length is not None:
        headers["Content-Length"] = len(body) if length == -1 else length
    lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in headers.items())]
    lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _download(
    answer, name: str, due: bytes | None, more: dict, folder: Path
) -> Verdict:
    """Download from a server; the file is the one that is due, or there is none."""
    from sertools import fetching

    with serving(answer) as (address, _):
        target = folder / name
        given = {**_LIMITS, **more}
        call = functools.partial(
            fetching.download, f"{address}/{name}", target, **given
        )

        def judge(path: Path) -> Verdict:
            got = path.read_bytes()
            if due is None:
                return Verdict("wrong", f"kept {len(got)} bytes: {got[:40]!r}")
            return right(got == due, f"{len(got)} bytes, not {len(due)}: {got[:40]!r}")

        verdict = asked(call, [name, "127.0.0.1"], judge)
        if verdict.kind == "refused" and target.is_file():
            return Verdict("wrong", "refused, and the file is there")
        return verdict


def _sends(*parts: bytes, pause: float = 0.0, forever: bytes = b""):
    """Send parts with pauses between; then the last for ever."""

    def answer(connection: socket.socket, request: bytes) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        while forever:
            connection.sendall(forever)
            time.sleep(pause)

    return answer


def _waits(*parts: bytes):
    def answer(connection: socket.socket, request: bytes) -> None:
        for part in parts:
            connection.sendall(part)
        time.sleep(60)

    return answer


def _servers():
    """Servers that do not come to an end."""
    sound = written()
    head = reply(body=sound)[: -len(sound)]
    servers = {
        "whole": (_sends(reply(body=sound)), sound),
        "whole, without a length": (_sends(reply(body=sound, length=None)), sound),
        "silent": (_waits(), None),
        "silent after its status": (_waits(b"HTTP/1.1 200 OK\r\n"), None),
        "silent after its head": (_waits(head), None),
        "silent after a part": (_waits(head, sound[:500]), None),
        "a byte at a time": (_sends(head, pause=0.3, forever=b"x"), None),
        "a byte of its head at a time": (
            _sends(b"HTTP/1.1 200 OK\r\n", pause=0.3, forever=b"X"),
            None,
        ),
        "headers without end": (
            _sends(b"HTTP/1.1 200 OK\r\n", forever=b"X-More: x\r\n" * 99),
            None,
        ),
        "a header line without end": (
            _sends(b"HTTP/1.1 200 OK\r\nX: ", forever=b"x" * 9999),
            None,
        ),
        "closes at once": (_sends(), None),
        "closes after its head": (_sends(head), None),
        "closes after a part": (_sends(head + sound[: len(sound) // 2]), None),
        "noise": (_sends(os.urandom(3000)), None),
        "an older protocol": (_sends(b"HTTP/0.9 yes\n" + sound), None),
        "a length that is negative": (_sends(reply(body=sound, length=-5)), sound),
        "a length that is no number": (_sends(reply(body=sound, length="many")), sound),
        "a length of 10 TB": (_sends(reply(body=sound, length=10**13)), None),
        "a length of 400 digits": (_sends(reply(body=sound, length="9" * 400)), None),
        "a length too small": (_sends(reply(body=sound, length=900)), None),
        "an empty file": (_sends(reply(body=b"")), None),
        "chunks that lie": (
            _sends(
                reply(
                    body=b"FFFFFFFF\r\nabc\r\n",
                    length=None,
                    Transfer_Encoding="chunked",
                )
            ),
            None,
        ),
        "chunks of no number": (
            _sends(
                reply(body=b"zz\r\nabc\r\n", length=None, Transfer_Encoding="chunked")
            ),
            None,
        ),
    }
    for status in (
        "204 No Content",
        "206 Partial Content",
        "304 Not Modified",
        "400 Bad",
        "401 Who",
        "403 No",
        "404 Gone",
        "416 Range",
        "429 Slow",
        "500 Oops",
        "503 Busy",
        "999 Odd",
        "404 \x1b[31mred",
    ):
        servers[status] = (_sends(reply(status, b"told", Retry_After=1)), None)
    servers["503, wait a year"] = (
        _sends(reply("503 Busy", Retry_After=31536000)),
        None,
    )
    for what, (answer, due) in servers.items():
        more = (
            {"size": len(sound)}
            if what in ("a length too small", "an empty file")
            else {}
        )
        body = functools.partial(_download, answer, "clip.wav", due, more)
        yield Try(f"a server: {what!r}", body, _SECONDS)
    endless = _sends(reply(body=b"", length=None), forever=bytes(1 << 20))
    for what, more in {
        "with a size": {"size": len(sound)},
        "with a checksum": {"sha256": hashlib.sha256(sound).hexdigest()},
        "with a limit": {"max_bytes": 3_000_000},
    }.items():
        body = functools.partial(_download, endless, "clip.wav", None, more)
        yield Try(f"a server without end, {what}", body, _SECONDS)


def _redirects():
    """Servers that send one on, and on."""

    def onward(to: str, code: str = "302 Found"):
        def answer(connection: socket.socket, request: bytes) -> None:
            host = request.partition(b"Host: ")[2].partition(b"\r\n")[0].decode()
            connection.sendall(reply(code, Location=to.replace("HOST", host)))

        return answer

    for what, to in {
        "itself": "/clip.wav",
        "a file": "file:///etc/passwd",
        "ftp": "ftp://127.0.0.1/x",
        "data": "data:text/plain,hello",
        "nothing": "",
        "a port where nobody is": "http://127.0.0.1:9/x",
        "control characters": "http://HOST/\x1b[31mx",
        "an address without a host": "http:///x",
        "a line of 70000 letters": "http://HOST/" + "x" * 70_000,
        "a broken address": "http://[::1/x",
    }.items():
        body = functools.partial(_download, onward(to), "clip.wav", None, {})
        yield Try(f"sent on to {what}", body, _SECONDS)


def _addresses():
    """Addresses that are none."""
    for address in (
        "",
        "x",
        "file:///etc/passwd",
        "ftp://x/y",
        "http://",
        "http:///x",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1:9/x",
        "http://[::1/x",
        "javascript:alert(1)",
        "http://a b/c",
        "http://127.0.0.1:x/y",
        "https://127.0.0.1:9/\n\nx",
        "http://\x1b[31m/x",
        "http://%00/x",
    ):
        yield Try(
            f"the address {address!r}", functools.partial(_address, address), _SECONDS
        )


def _address(address: str, folder: Path) -> Verdict:
    from sertools import fetching

    os.environ.pop("SERTOOLS_MIRROR", None)
    call = functools.partial(fetching.download, address, folder / "x.wav", **_LIMITS)
    names = [address, ascii(address)[1:-1], "address", "127.0.0.1"]
    return asked(call, names, lambda path: Verdict("wrong", f"{path} is there"))


def _kinds():
    """Other things than the file that was asked for."""
    page = b"<!DOCTYPE html><html><body>Sign in</body></html>"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64
    for name in (
        "clip.wav",
        "corpus.zip",
        "model.h5",
        "weights.pt",
        "head.skops",
        "a.tar.gz",
        "saved_model.pb",
        "model.safetensors",
        "hyperparams.yaml",
        "card.json",
        "config.json",
    ):
        for what, content in {
            "a web page": page,
            "a page after blanks": b"\n\n  " + page,
            "a Git LFS pointer": pointer,
            "nothing": b"",
        }.items():
            for kind in ("text/html", "application/octet-stream"):
                if what != "a web page" and kind == "text/html":
                    continue
                answer = _sends(reply(body=content, Content_Type=kind))
                body = functools.partial(_download, answer, name, None, {})
                yield Try(f"{what} for {name}, as {kind}", body, _SECONDS)


def _targets():
    """Places where no file can be put."""
    sound = written()
    for what, make in {
        "a folder": lambda path: path.mkdir(),
        "a link to nothing": lambda path: path.symlink_to("gone/away"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "half a file of an earlier call": lambda path: _left(path),
    }.items():
        body = functools.partial(_placed, make, sound)
        yield Try(f"where it should go lies {what}", body, _SECONDS)


def _left(path: Path) -> None:
    path.with_name(f".{path.name}.part").write_bytes(b"other bytes")
    path.with_name(f".{path.name}.part.json").write_text('{"total": [], "gaps": 7}')


def _placed(make, sound: bytes, folder: Path) -> Verdict:
    make(folder / "clip.wav")
    return _download(_sends(reply(body=sound)), "clip.wav", sound, {}, folder)


def _archives():
    """Make archives with paths that lead out, links, devices, bombs and lies."""
    for what, make in {
        "a path with ..": functools.partial(_zip, "../" + MARK, b"x"),
        "an absolute path": None,
        "a path with backslashes": functools.partial(_zip, "..\\" + MARK, b"x"),
        "a NUL in a name": functools.partial(_zip, "a\0b.wav", b"x"),
        "a bomb": functools.partial(_zip, "a.wav", bytes(300_000_000)),
        "a link": functools.partial(_zip, "link", b"/etc", mode=stat.S_IFLNK | 0o777),
        "a device": functools.partial(_tar, "dev", tarfile.CHRTYPE),
        "a hard link": functools.partial(_tar, "hard", tarfile.LNKTYPE),
        "a symbolic link": functools.partial(_tar, "soft", tarfile.SYMTYPE),
        "a pipe": functools.partial(_tar, "pipe", tarfile.FIFOTYPE),
        "a tar path with ..": functools.partial(_tar, "../" + MARK, tarfile.REGTYPE),
        "noise": lambda path: path.write_bytes(os.urandom(5000)),
        "nothing": lambda path: path.write_bytes(b""),
        "half a zip": lambda path: _half(path),
        "a name twice": lambda path: _twice(path),
        "a pipe in its place": lambda path: os.mkfifo(path),
        "a link to /dev/zero in its place": lambda path: path.symlink_to("/dev/zero"),
    }.items():
        body = functools.partial(_unpacked, what, make)
        yield Try(
            f"an archive: {what}", body, _SECONDS, batch=f"archive {len(what) % 3}"
        )


def _zip(name: str, content: bytes, path: Path, mode: int = 0o644) -> None:
    info = zipfile.ZipInfo("x")
    info.filename, info.external_attr = name, mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, content)


def _tar(name: str, kind: bytes, path: Path) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(path, "w") as archive:
        archive.addfile(info, io.BytesIO())


def _half(path: Path) -> None:
    _zip("a.wav", os.urandom(5000), path)
    path.write_bytes(path.read_bytes()[:2000])


def _twice(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.wav", b"one")
        archive.writestr("A.wav/b", b"two")
        archive.writestr("a.wav/b", b"three")


def _unpacked(what: str, make, folder: Path) -> Verdict:
    from sertools import fetching

    path = folder / "inner" / "corpus.zip"
    path.parent.mkdir()
    if make is None:
        make = functools.partial(_zip, str(folder / MARK), b"x")
    make(path)
    call = functools.partial(fetching.unpack, path, folder / "inner" / "out")
    verdict = asked(call, ["corpus.zip"], lambda out: Verdict("wrong", "unpacked"))
    outside = [p for p in folder.rglob("*") if p.is_file() and p.name == MARK]
    left = [p.name for p in (folder / "inner").iterdir() if p.name != "corpus.zip"]
    if outside or left:
        return Verdict("wrong", f"left behind: {outside or left}")
    return verdict


def _commands():
    """Fetch by command, from mirrors that are broken."""
    page = b"<!DOCTYPE html><html><body>Sign in</body></html>"
    for what, answer in {
        "a web page": _sends(reply(body=page, Content_Type="text/html")),
        "404": _sends(reply("404 Not Found", b"no")),
        "401 and control characters": _sends(reply("401 \x1b[31mNo", b"\x1b[31m")),
        "noise": _sends(b"\x00\xff" * 500),
    }.items():
        for name in ("emodb", "yamnet"):
            body = functools.partial(_fetched, name, answer)
            yield Try(f"fetch {name} from a mirror: {what}", body, 40)


def _fetched(name: str, answer, folder: Path) -> Verdict:
    with serving(answer) as (address, _):
        os.environ["SERTOOLS_MIRROR"] = address
        said = command("fetch", name, "--yes")
    there = [p for p in Path(os.environ["SERTOOLS_CACHE"]).rglob("*") if p.is_file()]
    whole = [p.name for p in there if not p.name.startswith(".")]
    if said.code == 0 or whole:
        return Verdict("wrong", f"exit {said.code}, kept {whole}")
    return ended(said, [name, "127.0.0.1"])
