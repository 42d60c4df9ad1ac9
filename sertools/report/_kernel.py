"""One kernel for one run: this interpreter, watched, and gone at the end."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sertools import _interpreter

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

_GUARD = """
import os, signal, sys
left = set()
for line in sys.stdin:
    (left.add if line[0] == "+" else left.discard)(line[1:-1])
for one in sorted(left):
    try:
        if one.isdigit():
            os.killpg(int(one), signal.SIGKILL)
        else:
            for name in os.listdir(one):
                os.unlink(os.path.join(one, name))
            os.rmdir(one)
    except OSError:
        pass
"""


_lock = threading.Lock()


_guard: subprocess.Popen | None = None
_EVERY = 0.2  # seconds between two looks at the memory
_LAST_WORDS = (  # a crash in native code says where, past ipykernel's own pipes
    "__import__('faulthandler').enable(getattr("
    "__import__('sys').stderr, '_original_stdstream_copy', 2), all_threads=False)"
)
_OPTIONS = (
    "--HistoryManager.enabled=False",  # many kernels, one file of history
    "--log-level=ERROR",
    f"--IPKernelApp.exec_lines={_LAST_WORDS}",
)
# As ipykernel_launcher, which also takes a first entry of PYTHONPATH off the path
# where that is the current folder.
_START = "from ipykernel import kernelapp; kernelapp.launch_new_instance()"
# A notebook of one's own finds what lies beside it, behind all other modules.
_OWN = ("--IPKernelApp.exec_lines=__import__('sys').path.append('')",)
_ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a warning nobody needs
    "SERTOOLS_STATIC": "1",  # widgets are pictures: nobody is there to click
    "TQDM_DISABLE": "1",  # no progress bars in a stored notebook
}


def protect(what: int | str) -> None:
    """See to it that a session of processes, or a folder, does not outlive this one."""
    _tell(f"+{what}\n")


def forget(what: int | str) -> None:
    """Leave a session or a folder alone again: it has ended."""
    _tell(f"-{what}\n")


def _tell(line: str) -> None:
    global _guard
    if os.name != "posix":
        return
    with _lock, contextlib.suppress(OSError):  # without a guard, kernels look alone
        if _guard is None or _guard.poll() is not None:
            _guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARD],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # out of reach of Ctrl-C
            )
        _guard.stdin.write(line.encode())
        _guard.stdin.flush()


@contextlib.contextmanager
def connection_file() -> Iterator[str]:
    """Give the place of a kernel's connection file; gone however this process ends."""
    with tempfile.TemporaryDirectory(prefix="sertools-kernel-") as place:
        protect(place)
        try:
            yield os.path.join(place, "kernel.json")
        finally:
            forget(place)


@dataclass(frozen=True)
class Place:
    """Where a kernel runs: its folder, and what its environment holds beside ours."""

    folder: str | None = None
    environment: Mapping[str, str] | None = None
    safe: bool = False  # without modules of its folder


@dataclass(frozen=True)
class Limits:
    """What a run may take."""

    timeout: float | None = None  # seconds for the whole notebook
    memory: float | None = None  # 1e6 bytes, for the kernel and its children


class Stop(Protocol):
    """Whatever says that a run should end, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Say whether it is time to stop."""


def manager_class(
    watch: "Watch", log: int, connection: str, place: Place
) -> type["AsyncKernelManager"]:
    """Make the class whose kernel is this very interpreter, whatever is registered.

    What its process writes past the notebook goes to the descriptor `log`. The
    current folder's modules are not for a `safe` place.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    argv = _interpreter.command("-c", _START, "-f", "{connection_file}")
    safe = _interpreter.SAFE if place.safe else {"PYTHONSAFEPATH": ""}
    spec = KernelSpec(
        argv=[*argv, *_OPTIONS, *(() if place.safe else _OWN)],
        display_name="Python 3",
        language="python",
        env={**(place.environment or {}), **_ENVIRONMENT, **safe},
    )

    class ThisInterpreter(AsyncKernelManager):
        kernel_spec = spec

        async def start_kernel(self, **options):
            for name, value in _sockets().items():
                setattr(self, name, value)
            self.connection_file = connection
            if place.folder is not None:
                options["cwd"] = place.folder
            await super().start_kernel(stdout=subprocess.DEVNULL, stderr=log, **options)
            watch.follow(self.provisioner.process)

    return ThisInterpreter


def _sockets() -> dict[str, object]:
    """Choose where manager and kernel meet: on Linux, a name that nobody else takes.

    A port that is free when it is chosen may be another's when the kernel wants it.
    """
    if not sys.platform.startswith("linux"):
        return {}
    place = f"@sertools-{uuid.uuid4().hex}"
    return {"transport": "ipc", "ip": place, "cache_ports": False}


class Watch:
    """Watch a kernel and its children five times a second; leave none of them alive."""

    def __init__(
        self,
        timeout: float | None = None,
        memory: float | None = None,
        stop: Stop | None = None,
    ):
        self.peak = 0  # bytes; pages that processes share count once for each
        self.cause: str | None = None  # timeout, memory or stop
        self.process: subprocess.Popen | None = None
        self._timeout, self._memory, self._stop = timeout, memory, stop
        self._family: dict = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._over.set()
        self._thread.join()
        self._look()
        self._kill_family()
        if self.process is not None:
            forget(self.process.pid)

    def follow(self, process: subprocess.Popen) -> None:
        """Begin to follow a process, which leads a session of its own."""
        self.process = process
        protect(process.pid)

    def _watch(self) -> None:
        began = time.monotonic()
        while not self._over.wait(_EVERY):
            held = self._look()
            if self.cause is None:
                self.cause = self._trouble(time.monotonic() - began, held)
            if self.cause is not None:
                self._kill_family()

    def _trouble(self, seconds: float, held: int) -> str | None:
        if self._stop is not None and self._stop.is_set():
            return "stop"
        if self._memory is not None and held > self._memory * 1e6:
            return "memory"
        if self._timeout is not None and seconds > self._timeout:
            return "timeout"
        return None

    def _look(self) -> int:
        """Meet the family as it is now, and add up its memory."""
        import psutil

        if self.process is None:
            return 0
        try:
            kernel = psutil.Process(self.process.pid)
            members = [kernel, *kernel.children(recursive=True)]
        except psutil.Error:  # it has ended
            return 0
        total = 0
        for member in members:
            self._family.setdefault(member.pid, member)
            try:
                total += member.memory_info().rss
            except psutil.Error:
                continue
        self.peak = max(self.peak, total)
        return total

    def _kill_family(self) -> None:
        """Kill the kernel's session, and who was born to it and left the session."""
        import psutil

        if self.process is not None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        for member in self._family.values():
            try:
                if member.is_running():  # the same process, not its number reused
                    member.kill()
            except psutil.Error:
                continue


def how_it_ended(process: subprocess.Popen | None) -> str:
    """Say how a dead process ended: ``exit status 3``, or ``killed by SIGKILL``."""
    code = process.poll() if process is not None else None
    if code is None:
        return "no exit status known"
    if code >= 0:
        return f"exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return (
            "killed by SIGKILL, which is how a system ends what needs too much memory"
        )
    return f"killed by {name}"
