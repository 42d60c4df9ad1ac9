"""Try one thing in a process of its own, with limits, and judge what comes back."""

import contextlib
import gc
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

KINDS = (
    *("right", "refused", "unclear", "hung"),
    *("memory", "wrong", "executed"),
)
MARK = "executed.mark"
"""What a payload makes, in the folder of its try."""

_INTERNAL = re.compile(
    r"\b(TypeError|KeyError|AttributeError|IndexError|AssertionError|RecursionError"
    r"|ZeroDivisionError|OverflowError|UnboundLocalError|NameError|StopIteration"
    r"|struct\.error|LibsndfileError|UnpicklingError|UnicodeDecodeError"
    r"|EOFError|SystemError|not callable|NoneType|no attribute)"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
_LONGEST = 1000  # letters of a refusal
_GRACE = 10  # seconds that a group's last tries may take beyond its time


class Verdict(NamedTuple):
    """What came of a try, and the words for it."""

    kind: str
    said: str = ""


@dataclass(frozen=True)
class Try:
    """Something to try: `body` gets a folder of its own and gives a verdict.

    A `control` is trusted: its payload must leave the marker. `megabytes` may be held
    beyond what a process has at its start. Tries of one `batch` share a process.
    """

    name: str
    body: Callable[[Path], Verdict]
    seconds: float = 30
    megabytes: int = 600
    control: bool = False
    batch: str = ""


class Said(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str


def right(met: bool, said: object = "") -> Verdict:
    """Judge an answer that came without a word of warning."""
    return Verdict("right" if met else "wrong", "" if met else str(said))


def fault_of(text: str, names: Iterable[str], lines: int = 2) -> str | None:
    """Say what is wrong with the words of a refusal, if anything is."""
    text = text.strip()
    if "Traceback" in text or re.search(r'File "[^"]+", line', text):
        return f"a traceback: {text[-300:]}"
    if found := _INTERNAL.search(text):
        return f"an internal error ({found[0]}): {text[:300]}"
    if not text:
        return "not a word"
    if len(text.splitlines()) > lines:
        return f"{len(text.splitlines())} lines: {text[:300]}"
    if found := _CONTROL.search(text):
        return f"a control character ({found[0]!r}): {text[:300]!r}"
    if len(text) > _LONGEST:
        return f"{len(text)} letters: {text[:100]} ..."
    if not any(name in text for name in names):
        return f"it doesn't name it: {text[:300]}"
    return None


def refusal(text: str, names: Iterable[str], lines: int = 2) -> Verdict:
    """Judge the words of a refusal."""
    if re.search(r"MemoryError|Unable to allocate|Cannot allocate memory", text):
        return Verdict("memory", text[-200:])
    fault = fault_of(text, names, lines)
    return Verdict("unclear", fault) if fault else Verdict("refused", text.strip())


def of_error(error: BaseException, names: Iterable[str]) -> Verdict:
    """Judge an exception of the library."""
    text = str(error)
    if isinstance(error, MemoryError):
        return Verdict("memory", text or "MemoryError")
    fitting = (ValueError, OSError, ModuleNotFoundError, RuntimeError)
    foreign = type(error).__module__.partition(".")[0] not in ("builtins", "sertools")
    odd = isinstance(error, UnicodeError | NotImplementedError | RecursionError)
    if not isinstance(error, fitting) or odd or foreign:
        where = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{Path(where.filename).name}:{where.lineno}"
        return Verdict("unclear", f"{type(error).__name__} at {at}: {text[:200]}")
    return refusal(text, names)


def asked(call: Callable, names: Iterable[str], judge: Callable) -> Verdict:
    """Call the library, and judge its answer, or its refusal."""
    try:
        answer = call()
    except Exception as error:
        return of_error(error, names)
    return judge(answer)


def command(*words: object, cwd: Path | None = None, stdin: bytes = b"") -> Said:
    """Run a command of sertools in this process, whose output goes to files."""
    from sertools.cli import main

    place = Path.cwd() if cwd is None else cwd
    kept, streams = [os.dup(n) for n in (1, 2)], (sys.stdout, sys.stderr)
    names = [Path(os.environ["TMPDIR"], f"said-{n}") for n in (1, 2)]
    before = os.getcwd()
    for stream in streams:
        stream.flush()
    try:
        os.chdir(place)
        for number, name in zip((1, 2), names, strict=True):
            opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(opened, number)
            os.close(opened)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        try:
            code = main([str(word) for word in words])
        except BaseException:
            traceback.print_exc()
            code = 70
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        sys.stdout, sys.stderr = streams
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        with contextlib.suppress(OSError):
            os.chdir(before)
    out, err = (name.read_bytes().decode(errors="replace") for name in names)
    return Said(code, out, err)


def ended(
    said: Said, names: Iterable[str], judge: Callable | None = None, lines: int = 2
) -> Verdict:
    """Judge a command: by its answer if it ended well, by its words if not."""
    if said.code == 0:
        if found := _CONTROL.search(said.out + said.err):
            return Verdict("unclear", f"a control character ({found[0]!r}) is printed")
        return judge(said) if judge else Verdict("right")
    if said.code not in (1, 2):
        return Verdict("unclear", f"exit code {said.code}: {said.err[-300:]}")
    told = [line for line in said.err.splitlines() if not _bar(line)]
    first = [n for n, line in enumerate(told) if line.startswith("sertools: ")]
    told = told[first[0] :] if first else told  # before it stand notes, no refusal
    return refusal("\n".join(told), names, lines)


def _bar(line: str) -> bool:
    """Tell a bar of progress, or a warning, from the words of a refusal."""
    return bool(re.search(r"\d+%\||B/s", line)) or line.startswith("warning: ")


@dataclass
class _Child:
    pid: int
    pipe: int
    tries: list[Try]
    folder: Path
    began: float
    read: bytes = b""
    done: int = 0

    @property
    def current(self) -> Try:
        return self.tries[self.done]


class Campaign:
    """Run tries, a few at once, each in a process that is forked from this one."""

    def __init__(self, place: Path, keep: str | None = None, jobs: int = 2):
        self.place, self.jobs = place.resolve(), jobs
        self.keep = Path(keep).resolve() if keep else None
        self.started = 0
        _warm()

    def run(self, group: str, tries: list[Try], seconds: float):
        """Run a group's tries; give each with its verdict, and how many are left."""
        waiting, found = _batched(tries), []
        running: list[_Child] = []
        until = time.monotonic() + seconds
        while running or (waiting and time.monotonic() < until):
            while waiting and len(running) < self.jobs and time.monotonic() < until:
                running.append(self._start(group, waiting.pop(0)))
            ready, _, _ = select.select([c.pipe for c in running], [], [], 0.2)
            for child in list(running):
                some = os.read(child.pipe, 1 << 16) if child.pipe in ready else None
                late = time.monotonic() - child.began > child.current.seconds
                if some:
                    child.read += some
                    self._take(child, found)
                if child.done == len(child.tries) or some == b"" or (late and not some):
                    running.remove(child)
                    if rest := self._end(child, found, bool(late)):
                        waiting.insert(0, rest)
            if time.monotonic() > until + _GRACE:
                for child in running:
                    waiting.append(child.tries[child.done :])
                    child.done = len(child.tries)
                    self._end(child, found, late=False)
                running = []
        return found, sum(map(len, waiting))

    def _start(self, group: str, tries: list[Try]) -> _Child:
        self.started += 1
        folder = self.place / f"{group}-{self.started}"
        folder.mkdir()
        out, into = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(out)
            _serve(tries, folder, into)
        os.close(into)
        return _Child(pid, out, tries, folder, time.monotonic())

    def _take(self, child: _Child, found: list) -> None:
        """Take the verdicts that have come so far."""
        *lines, child.read = child.read.split(b"\n")
        for line in lines:
            one, verdict = child.current, Verdict(*json.loads(line))
            child.done += 1
            child.began = time.monotonic()
            found.append((one, self._checked(child, one, verdict)))

    def _checked(self, child: _Child, one: Try, verdict: Verdict) -> Verdict:
        """Look for the marker, and keep what a failed try was given."""
        folder = child.folder / str(child.done - 1)
        marked = any(folder.rglob(MARK)) if folder.exists() else False
        if one.control:
            told = f"the control did not run: {verdict.kind}: {verdict.said}"
            verdict = Verdict("right") if marked else Verdict("unclear", told)
        elif marked:
            verdict = Verdict("executed", verdict.said)
        if self.keep and verdict.kind not in ("right", "refused"):
            target = self.keep / re.sub(r"[^\w.-]+", "_", one.name)[:80]
            shutil.rmtree(target, ignore_errors=True)
            with contextlib.suppress(OSError):  # shutil.Error is one
                shutil.copytree(folder, target, symlinks=True, ignore=_unkept)
        shutil.rmtree(folder, ignore_errors=True)
        return verdict

    def _end(self, child: _Child, found: list, late: bool) -> list[Try]:
        """End a process; judge the try it was at, and give those it did not reach."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        os.close(child.pipe)
        _, status, _ = os.wait4(child.pid, 0)
        rest: list[Try] = []
        if child.done < len(child.tries):
            one = child.current
            number = os.waitstatus_to_exitcode(status)
            told = f"the process died ({number})"
            verdict = Verdict("unclear", told)
            if late:
                verdict = Verdict("hung", f"no answer in {one.seconds:.0f} s")
            child.done += 1
            found.append((one, self._checked(child, one, verdict)))
            rest = child.tries[child.done :]
        shutil.rmtree(child.folder, ignore_errors=True)
        return rest


def _unkept(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not _ordinary(os.path.join(folder, name))]


def _ordinary(path: str) -> bool:
    """Tell what can be kept: no pipe or device, and nothing huge."""
    if os.path.islink(path) or os.path.isdir(path):
        return True
    return os.path.isfile(path) and os.path.getsize(path) < 20_000_000


def _batched(tries: list[Try]) -> list[list[Try]]:
    """Put the tries of a batch together, in the place of its first."""
    batches: dict[object, list[Try]] = {}
    for number, one in enumerate(tries):
        batches.setdefault(one.batch or number, []).append(one)
    return list(batches.values())


def _warm() -> None:
    """Import what most tries need, once, before processes are forked."""
    import tqdm

    tqdm.tqdm.monitor_interval = 0  # no thread beside
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import sklearn.svm  # noqa: F401
    import skops.io  # noqa: F401
    import soundfile  # noqa: F401
    import soxr  # noqa: F401

    from sertools import audio, datasets, evaluation, features, models, store

    for room in (audio, datasets, evaluation, features, models, store):
        for name in getattr(room, "__all__", ()):
            getattr(room, name)
    with contextlib.suppress(ImportError):
        import opensmile  # noqa: F401
    gc.collect()
    gc.freeze()  # what is shared with the processes to come is not touched


def _serve(tries: list[Try], folder: Path, pipe: int) -> None:
    """Run tries in this process, which has been forked, and end it."""
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    for number, one in enumerate(tries):
        place = folder / str(number)
        verdict = _one(one, place)
        os.write(pipe, json.dumps(verdict).encode() + b"\n")
    os.close(pipe)
    os._exit(0)


def _one(one: Try, place: Path) -> Verdict:
    """Run a try in folders of its own, and look at the memory it took."""
    surroundings(place)
    os.chdir(place / "work")
    before = _peak()
    _limit(one.megabytes)
    try:
        verdict = one.body(place / "work")
    except MemoryError as error:
        verdict = Verdict("memory", str(error) or "MemoryError")
    except BaseException:
        verdict = Verdict("unclear", f"the try failed: {traceback.format_exc()[-600:]}")
    grown = _peak() - before
    if grown > one.megabytes and verdict.kind != "memory":
        said = f"{grown:.0f} MB, {one.megabytes} allowed; then {verdict.kind}"
        verdict = Verdict("memory", said)
    return Verdict(verdict.kind, verdict.said[:700])


def surroundings(place: Path) -> dict[str, str]:
    """Give this process a home, a store, a cache and temporary files of its own."""
    (place / "work").mkdir(parents=True)
    own = {"HOME": "home", "TMPDIR": "tmp", "SERTOOLS_STORE": "store"}
    own |= {"SERTOOLS_CACHE": "cache", "MPLCONFIGDIR": "home", "IPYTHONDIR": "home"}
    own |= {f"XDG_{n}_HOME": f"home/{n.lower()}" for n in ("CACHE", "CONFIG", "DATA")}
    own |= {"JUPYTER_RUNTIME_DIR": "tmp/runtime", "NUMBA_CACHE_DIR": "home/numba"}
    values = {name: str(place / folder) for name, folder in own.items()}
    for name in ("HOME", "TMPDIR"):
        Path(values[name]).mkdir(exist_ok=True)
    # A mirror where nobody listens: nothing here asks the net.
    values |= {"SERTOOLS_MIRROR": "http://127.0.0.1:9", "MPLBACKEND": "agg"}
    values |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    os.environ.update(values)
    os.environ.pop("SERTOOLS_DATA", None)
    import tempfile

    tempfile.tempdir = None
    return values


def _peak() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    below = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, below) / 1e3


def _limit(megabytes: int) -> None:
    """Let no process take what would harm the machine."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (megabytes + 3000) * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
