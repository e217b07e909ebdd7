"""Runs the parts of the system as child processes: prefixes their output, restarts them, stops them in order."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from studio.env import PROJECT
from studio.observability.terminal import printable

TICK_SECONDS = 0.1  # between two checks of the children
# Seconds after the signal by which each stage should have ended; the rest is killed after the last. All of it has to
# fit into five seconds, and Valkey has to outlive the processes that write to it.
STAGES_END_SECONDS = (2.5, 3.0, 3.5)
ONE_SIGNAL_SECONDS = 0.3  # `timeout` and shells send each signal twice, to the process and to its group
LOG_BYTES = 5 * 1024 * 1024  # per log file; one former file is kept
LINE_BYTES = 16 * 1024  # a longer line is split
COLOURS = ("36", "32", "33", "35", "34")  # ANSI: cyan, green, yellow, magenta, blue


@dataclass(frozen=True)
class Part:
    """A process to keep running; parts of a lower stage are stopped first."""

    name: str
    command: Sequence[str]
    stage: int = 0
    prepare: Callable[[], None] | None = None  # called before every start: files that it needs may be gone


class Backoff:
    """The delay before a process that ended is started again: 0.5 s, doubling to 30 s."""

    FIRST_SECONDS = 0.5
    LONGEST_SECONDS = 30.0
    STEADY_SECONDS = 30.0  # after a life of this length the delays start over

    def __init__(self) -> None:
        self._next_seconds = self.FIRST_SECONDS

    def delay_after(self, *, alive_seconds: float) -> float:
        """Return the delay in seconds after a life of that length."""
        if alive_seconds >= self.STEADY_SECONDS:
            self._next_seconds = self.FIRST_SECONDS
        delay = self._next_seconds
        self._next_seconds = min(delay * 2, self.LONGEST_SECONDS)
        return delay


class Console:
    """Our standard output. A reader that stalls or closes loses lines, but does not block the supervisor."""

    def __init__(self, *, file_descriptor: int = 1) -> None:
        self._file_descriptor = file_descriptor
        self.is_coloured = os.isatty(file_descriptor)
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=2000)
        threading.Thread(target=self._write_forever, name="console", daemon=True).start()

    def say(self, text: str) -> None:
        """Print text; drop it if 2,000 are waiting."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(text.encode(errors="replace") + b"\n")

    def flush(self, *, within_seconds: float) -> None:
        """Wait until everything is written, for that many seconds at most."""
        deadline = time.monotonic() + within_seconds
        while self._lines.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)

    def _write_forever(self) -> None:
        while True:
            line = self._lines.get()
            with contextlib.suppress(OSError):
                while line:
                    line = line[os.write(self._file_descriptor, line) :]
            self._lines.task_done()


class LogFile:
    """A log file that is renamed to `NAME.1` when it exceeds a size."""

    def __init__(self, path: Path, *, limit_bytes: int = LOG_BYTES) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()  # the end of one process's output may overlap the start of the next one's
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, line: bytes) -> None:
        """Append a line; drop it if the disk is full or the folder is gone."""
        with self._lock, contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size + len(line) > self._limit_bytes:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            with self._path.open("ab") as file:
                file.write(line)


class Child:
    """A part with its process, or with the time at which to start the next one."""

    def __init__(self, part: Part, *, environment: Mapping[str, str], on_line: Callable[[bytes], None]) -> None:
        self.part = part
        self.due_at = 0.0  # monotonic seconds
        self._environment = environment
        self._on_line = on_line
        self._backoff = Backoff()
        self._started_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None

    @property
    def is_started(self) -> bool:
        """Whether there is a process, running or not yet reaped."""
        return self._process is not None

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> int | None:
        """Start the process in its own session, so that Ctrl+C reaches only us; return its id, or None if that failed.

        Only for the main thread: the kernel signals the parent's death when the *thread* that forked the child ends.
        """
        self._started_at = time.monotonic()
        try:
            if self.part.prepare:
                self.part.prepare()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "operations.local.die_with_parent", *self.part.command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=PROJECT,
                start_new_session=True,
                env={
                    **os.environ,
                    **self._environment,
                    "STUDIO_PARENT_PID": str(os.getpid()),
                    "PYTHONUNBUFFERED": "1",
                },
            )
        except OSError as exc:  # no processes, memory or disk left
            self._on_line(f"cannot be started: {exc}".encode())
            self.due_at = self._started_at + self._backoff.delay_after(alive_seconds=0)
            return None
        self._listener = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._listener.start()
        return self._process.pid

    def _listen(self, output: BinaryIO) -> None:
        with output:
            while line := output.readline(LINE_BYTES):
                self._on_line(line.rstrip(b"\r\n"))

    def reap(self) -> str:
        """Kill what is left of the process group, set the next start, and return how the process ended."""
        alive_seconds = time.monotonic() - self._started_at
        self.due_at = time.monotonic() + self._backoff.delay_after(alive_seconds=alive_seconds)
        status = self.kill()
        return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def terminate(self) -> None:
        if self._process:
            self._process.terminate()

    def kill(self) -> int:
        """Kill the whole group, gunicorn's workers and encoders included; return the process's exit status."""
        if self._process is None or self._listener is None:
            return 0
        # Even if the process is reaped, its id is not reused while its group has members.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(self._process.pid, signal.SIGKILL)
        status = self._process.wait()
        self._listener.join(timeout=0.2)  # for its last lines
        self._process = None
        return status


class Supervisor:
    """Keeps parts running until SIGINT, SIGTERM or SIGHUP, then stops them stage by stage."""

    def __init__(self, *, logs: Path, console: Console) -> None:
        self._logs = logs
        self._console = console
        self._children: list[Child] = []
        self._first_signal_at = 0.0  # monotonic seconds; 0 before the first
        self._is_impatient = False
        self._is_interruptible = True

    def catch_signals(self) -> None:
        """Stop in order on a signal: it raises KeyboardInterrupt before `run`, and makes `run` return afterwards."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self._first_signal_at:
            self._first_signal_at = now
        elif number == signal.SIGINT and now - self._first_signal_at >= ONE_SIGNAL_SECONDS:
            self._is_impatient = True
        if self._is_interruptible:
            self._is_interruptible = False
            raise KeyboardInterrupt

    def start(self, part: Part, *, environment: Mapping[str, str]) -> None:
        log = LogFile(self._logs / f"{part.name}.log")
        prefix = self._prefix(part.name, COLOURS[len(self._children) % len(COLOURS)])

        def on_line(line: bytes) -> None:
            text = printable(line.decode(errors="replace"), keep="\t")
            log.write(f"{text}\n".encode())
            self._console.say(prefix + text)

        child = Child(part, environment=environment, on_line=on_line)
        self._children.append(child)
        self._launch(child)

    def _launch(self, child: Child) -> None:
        if process_id := child.start():
            self.say(f"{child.part.name} is process {process_id}")

    def _prefix(self, name: str, colour: str) -> str:
        prefix = f"{name:<7} | "
        return f"\033[{colour}m{prefix}\033[0m" if self._console.is_coloured else prefix

    def run(self) -> None:
        """Restart processes that end, until the first signal."""
        self._is_interruptible = False
        while not self._first_signal_at:
            for child in self._children:
                self._restart_if_due(child)
            time.sleep(TICK_SECONDS)

    def _restart_if_due(self, child: Child) -> None:
        now = time.monotonic()
        if child.is_started and not child.is_alive():
            how = child.reap()
            wait_seconds = child.due_at - now
            self.say(f"{child.part.name} {how}; it starts again in {wait_seconds:.1f} s")
        elif not child.is_started and now >= child.due_at:
            self._launch(child)

    def say(self, text: str) -> None:
        """Print a line of our own among those of the parts."""
        self._console.say(self._prefix("up", "1") + printable(text))

    def stop(self) -> None:
        """Stop every part in order; kill them after 3.5 seconds, or at a second Ctrl+C."""
        self._is_interruptible = False
        began_at = time.monotonic()
        for stage, end_seconds in enumerate(STAGES_END_SECONDS):
            for child in self._children:
                if child.part.stage == stage:
                    child.terminate()
            leaving = [child for child in self._children if child.part.stage <= stage]
            while any(child.is_alive() for child in leaving) and not self._is_impatient:
                if time.monotonic() >= began_at + end_seconds:
                    break
                time.sleep(0.02)
        for child in self._children:
            child.kill()
