"""Starts, kills and freezes the product's processes, and restarts dead ones as a service manager does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from studio.env import PROJECT

# Releases before 1.1 do not name the worker's class in their settings (tests.production.upgrade).
THREADS = ("--skip-checks", "--worker-class", "videos.worker.ThreadWorker", "-v", "0")
# The commands of the Procfile.
COMMANDS: dict[str, list[str]] = {
    "web": ["gunicorn", "studio.wsgi:application"],
    "submit": ["manage.py", "rqworker", "submit", *THREADS],
    "media": ["manage.py", "rqworker", "media", *THREADS],
    "webhooks": ["manage.py", "rqworker", "webhooks", *THREADS],
    "sweeper": ["manage.py", "sweep"],
    "live": ["manage.py", "live"],
}


@dataclass
class Role:
    """A process that shall run; `clock`: seconds by which its clock is wrong."""

    kind: str
    clock: float = 0
    process_id: int = 0
    is_wanted: bool = True


class Processes:
    """The processes of one fleet."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, project: Path = PROJECT) -> None:
        """`project`: the checkout whose code runs."""
        self._folder = folder
        self._lock = threading.Lock()
        self._launcher_log = folder / f"launcher-of-{project.name}.log"
        die_with_parent = PROJECT / "operations/local/die_with_parent.py"
        with self._launcher_log.open("wb") as log:
            self._launcher = subprocess.Popen(
                [sys.executable, str(die_with_parent), sys.executable, "-m", "tests.chaos.launch"],
                cwd=project,
                env={**environment, "CHAOS_FOLDER": str(folder), "STUDIO_PARENT_PID": str(os.getpid())},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
            )
        self.roles: dict[str, Role] = {}
        self.deaths: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def run(self, **order: Any) -> tuple[int, str]:
        """Run a command to its end; returns exit status and output."""
        log, status = self._folder / f"run-{time.monotonic_ns()}.log", self._folder / f"run-{time.monotonic_ns()}"
        process_id = self._fork(log=str(log), status=str(status), **order)
        wait_until(lambda: not is_alive(process_id), seconds=60, what=f"the end of {order}")
        return int(status.read_text()), log.read_text()

    def start(self, name: str, *, kind: str = "", clock: float = 0) -> None:
        """Start a process of this kind, and restart it when it dies."""
        role = Role(kind or name, clock)
        self._launch(name, role)
        self.roles[name] = role

    def retire(self, name: str) -> None:
        """Kill it; it is not restarted."""
        role = self.roles.pop(name)
        self._signal(role, signal.SIGCONT)
        self._signal(role, signal.SIGKILL)

    def end(self, name: str, *, seconds: float) -> None:
        """Send SIGTERM and wait for the end; it is not restarted. Raises TimeoutError."""
        role = self.roles.pop(name)
        self._signal(role, signal.SIGTERM)
        wait_until(lambda: not is_alive(role.process_id), seconds=seconds, what=f"the end of {name}")

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the process; if it dies, it is restarted."""
        self._signal(self.roles[name], number)

    def kill_caller(self, port: int) -> Callable[[], None]:
        """A function that kills the process with this end of a connection."""
        process_id = self._caller(port)

        def shoot() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)

        return shoot

    def _caller(self, port: int) -> int:
        for role in list(self.roles.values()):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(role.process_id)
                for one in (process, *process.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        if any(link.laddr.port == port for link in one.net_connections("tcp") if link.laddr):
                            return one.pid
        raise LookupError(f"no process has port {port}")

    def stop(self) -> None:
        self._stopping.set()
        self._keeper.join()
        for role in self.roles.values():
            self._signal(role, signal.SIGCONT)
            self._signal(role, signal.SIGKILL)
        assert self._launcher.stdin
        assert self._launcher.stdout
        self._launcher.stdin.close()
        self._launcher.wait(10)
        self._launcher.stdout.close()

    def _keep(self) -> None:
        while not self._stopping.wait(0.02):
            for name, role in list(self.roles.items()):
                if not is_alive(role.process_id) and self.roles.get(name) is role and not self._stopping.is_set():
                    self._launch(name, role)
                    self.deaths[name] += 1  # last: code that waits for it then finds the new process

    def _launch(self, name: str, role: Role) -> None:
        log = str(self._folder / f"{name}.log")
        role.process_id = self._fork(argv=COMMANDS[role.kind], log=log, clock=role.clock)

    def _fork(self, **order: Any) -> int:
        assert self._launcher.stdin
        assert self._launcher.stdout
        with self._lock:
            self._launcher.stdin.write(f"{json.dumps(order)}\n")
            line = self._launcher.stdout.readline()
        if not line:
            raise AssertionError(f"the launcher has died:\n{self._launcher_log.read_text()}")
        return int(line)

    def _signal(self, role: Role, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(role.process_id, number)


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Any, *, seconds: float, what: str, every: float = 0.02) -> None:
    """Return once the condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(every)
