"""Bring over the bytes of one file, however often the connection breaks."""

import errno
import random
import re
import shutil
import threading
import time

from sertools.fetching.connection import Again, network, new_opener, request, version_of
from sertools.fetching.part import Part, unwritable

__all__ = ["Transfer"]

CHUNK = 1 << 20
"""Most bytes taken from a connection at once."""

PIECE = 4 << 20
"""A connection of its own is not worth fewer bytes than this."""

BACKOFF, LONGEST = 0.5, 30.0
"""Seconds before the first retry, and most seconds before a later one."""

PATIENCE = 300.0
"""The longest Retry-After, in seconds, that is waited for."""

KEPT_EVERY = 1.0
"""Seconds between notes of what has arrived, for when the process is killed."""

Gap = tuple[int, int | None]


class Transfer:
    """Bring over what is missing of a part.

    Parameters
    ----------
    part : Part
        What has arrived so far.
    bar : tqdm
        Shows what arrives.
    size : int, optional
        Length of the file in bytes, where it is known beforehand.
    checked : bool
        Whether a checksum will be compared at the end. If not, bytes of two
        connections are put together only where the server names the version.
    connections, retries : int
        At most how many.
    """

    def __init__(
        self,
        part: Part,
        bar,
        *,
        size: int | None,
        checked: bool,
        connections: int,
        retries: int,
    ):
        self.part, self.bar, self.size, self.checked = part, bar, size, checked
        self.connections, self.retries = max(1, connections), retries
        self.lock, self.stopped, self.kept = threading.Lock(), False, time.monotonic()
        self.opener = new_opener()

    def run(self) -> None:
        """Go on until nothing is missing.

        Raises
        ------
        ValueError
            If the file has another length than it should.
        FileNotFoundError, PermissionError, ConnectionError
            If the server has not got it, or does not hand it out, or more than
            `retries` attempts brought nothing new.
        OSError
            If it cannot be written.
        """
        failures, best = 0, self.part.received
        while gaps := self.part.missing():
            try:
                self._attempt(gaps)
            except Again as again:
                if self.part.received >= best + CHUNK:
                    failures = 0
                if not again.afresh or not self.part.received:
                    failures += 1
                best = max(best, self.part.received)
                if failures > self.retries or again.wait > PATIENCE:
                    raise ConnectionError(self._given_up(again, failures)) from None
                self._pause(again, failures)

    def _attempt(self, gaps: list[Gap]) -> None:
        """Ask for the first gap, or for as many as there are connections."""
        self.stopped = False
        if not self._mergeable():
            self.part.clear()
            gaps = self.part.missing()
        reply = self._ask(gaps[0])
        gaps = self._shared_out(self.part.missing(), reply)
        self.bar.total, self.bar.n = self.part.total, self.part.received
        self.bar.refresh()
        if not gaps:  # an empty file
            reply.close()
        elif len(gaps) == 1:
            self._bring(gaps[0], reply)
        else:
            self._together(gaps, reply)

    def _mergeable(self) -> bool:
        """Whether bytes of two connections are sure to belong together."""
        return self.checked or self.part.version is not None

    def _shared_out(self, gaps: list[Gap], reply) -> list[Gap]:
        """Choose a gap for each connection, halving the longest if there are few."""
        ranges = reply.status == 206 or reply.headers.get("Accept-Ranges") == "bytes"
        if not (ranges and self._mergeable() and self.part.total):
            return gaps[:1]
        while len(gaps) < self.connections:
            start, stop = longest = max(gaps, key=lambda gap: gap[1] - gap[0])
            if stop - start < 2 * PIECE:
                break
            middle, at = (start + stop) // 2, gaps.index(longest)
            gaps[at : at + 1] = [(start, middle), (middle, stop)]
        return gaps[: self.connections]

    def _together(self, gaps: list[Gap], reply) -> None:
        """Bring a gap over each connection; the first is open already."""
        errors = []

        def watched(*given) -> None:
            try:
                self._bring(*given)
            except BaseException as error:
                errors.append(error)
                if not isinstance(error, Again) or error.afresh:
                    self.stopped = True  # a mere break leaves the others to finish

        jobs = [(gaps[0], reply), *((gap,) for gap in gaps[1:])]
        threads = [threading.Thread(target=watched, args=j, daemon=True) for j in jobs]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            with self.lock:  # from here on no thread writes, not even after Ctrl-C
                self.stopped = True
        if errors:
            raise min(errors, key=lambda e: isinstance(e, Again) and not e.afresh)

    def _bring(self, gap: Gap, reply=None) -> None:
        """Write the bytes of a gap into the part."""
        with reply or self._ask(gap) as reply:
            start, stop = gap
            span = [start, start]
            with self.lock:
                self.part.done.append(span)
            while stop is None or span[1] < stop:
                with network(self.part.url):
                    room = CHUNK if stop is None else min(CHUNK, stop - span[1])
                    chunk = reply.read1(room)
                if not chunk and stop is not None:
                    raise Again("the connection was cut")
                with self.lock:
                    if self.stopped:
                        return
                    if not chunk:
                        self.part.total = stop = span[1]
                    self._store(chunk, span)

    def _store(self, chunk: bytes, span: list[int]) -> None:
        self.part.write(chunk, span)
        self.bar.update(len(chunk))
        if self.size is not None and span[1] > self.size:
            raise ValueError(f"{self.part.url} has more than {self.size} bytes.")
        if time.monotonic() - self.kept > KEPT_EVERY:
            self.part.keep()
            self.kept = time.monotonic()

    def _ask(self, gap: Gap):
        """Request a gap, and see to it that the reply fits what has arrived."""
        start, stop = gap
        headers, whole = {}, start == 0 and stop == self.part.total
        if not whole:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
            if self.part.version:
                headers["If-Range"] = self.part.version
        reply = request(self.opener, self.part.url, headers)
        try:
            if whole and reply.status in (200, None):  # None: a file: address
                self._begin(reply.headers)
            elif reply.status == 206:
                self._continue(reply.headers, start)
            elif reply.status in (200, None):
                raise Again("only the whole file can be had", afresh=True)
            else:
                raise ConnectionError(f"{self.part.url} answered {reply.status}.")
        except BaseException:
            reply.close()
            raise
        return reply

    def _begin(self, headers) -> None:
        """Learn what the file is, before its first byte."""
        length = headers.get("Content-Length", "")
        chunked = headers.get("Transfer-Encoding", "identity") != "identity"
        total = int(length) if length.isdigit() and not chunked else None
        if self.size is not None and total not in (None, self.size):
            raise ValueError(
                f"{self.part.url} has {total} bytes, not {self.size}: it is not the "
                "file that was asked for. Nothing was kept."
            )
        self.part.total, self.part.version = total, version_of(headers)
        self._make_sure_of_room()

    def _continue(self, headers, start: int) -> None:
        """Check that a partial reply continues what has arrived."""
        form = r"bytes (\d+)-\d+/(\d+|\*)"
        match = re.fullmatch(form, headers.get("Content-Range", ""))
        version = version_of(headers)
        changed = (
            not match
            or int(match[1]) != start
            or (match[2] != "*" and int(match[2]) != (self.part.total or int(match[2])))
            or (version and self.part.version and version != self.part.version)
        )
        if changed:
            raise Again("the file has changed on the server", afresh=True)
        if self.part.total is None and match[2] != "*":
            self.part.total = int(match[2])
        self._make_sure_of_room()

    def _make_sure_of_room(self) -> None:
        path = self.part.path
        needed = (self.part.total or 0) - self.part.received
        if needed > shutil.disk_usage(path.parent).free:
            raise unwritable(OSError(errno.ENOSPC, "no room"), path)

    def _pause(self, again: Again, failures: int) -> None:
        """Wait as long as the server asks, and longer after each failure."""
        if again.afresh:
            self.part.clear()
            self.connections = 1
            return
        backoff = min(LONGEST, BACKOFF * 2 ** (failures - 1))
        wait = max(again.wait, backoff * random.uniform(0.75, 1.25))
        self.bar.set_postfix_str(f"{again}, again in {wait:.0f} s")
        time.sleep(wait)
        self.bar.set_postfix_str("")

    def _given_up(self, again: Again, failures: int) -> str:
        line = f"{self.part.url}: {again}"
        if again.wait > PATIENCE:
            line += f" and asks to wait {again.wait:.0f} s"
        else:
            line += f"; given up after {failures} attempts"
        if not self.part.received:
            return f"{line}. Check the network, or run the same again later."
        kept = self.part.received / 1e6
        return (
            f"{line}. {kept:.1f} MB are kept: run the same again to go on from there."
        )
