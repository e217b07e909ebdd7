"""Runs `manage.py up` as a user does: real processes, a temporary DATA_DIR, a free port."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from operations.local.valkey import free_port
from tests.running import manage, start_up

START_SECONDS = 90  # with coverage, on a busy machine; otherwise about four

Start = Callable[..., "Up"]


class Up:
    """`manage.py up`, started the way `make run` does."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        self.port = environment.get("PORT") or str(free_port())
        self.live_port = environment.get("LIVE_PORT") or str(free_port())
        self.api = f"http://localhost:{self.port}{environment.get('BASE_PATH', '')}/api/v1"
        self.environment = {
            "DATA_DIR": str(folder),
            "PORT": self.port,
            "LIVE_PORT": self.live_port,
            "REDIS_URL": "",
            "MOCK_VIDEO_SECONDS": "1",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        folder.mkdir(exist_ok=True)
        self._shown = folder / f"shown-{time.time_ns()}.txt"
        with self._shown.open("wb") as output:
            self.process = start_up(*options, environment=self.environment, output=output)

    def shown(self) -> str:
        return self._shown.read_text()

    def wait_for(self, text: str, *, times: int = 1) -> str:
        deadline = time.monotonic() + START_SECONDS
        while self.shown().count(text) < times:
            assert self.process.poll() is None, self.shown()
            assert time.monotonic() < deadline, self.shown()
            time.sleep(0.05)
        return self.shown()

    def pid(self, part: str) -> int:
        """Of the part's latest process."""
        return int(re.findall(rf"{part} is process (\d+)", self.shown())[-1])

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def manage(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Another command, in another shell."""
        return manage(*command, seconds=START_SECONDS, **self.environment)

    def passwords(self) -> list[tuple[str, str]]:
        return re.findall(r"^  (\S+@\S+) +password (.+)$", self.shown(), re.MULTILINE)

    def stop(self) -> float:
        """Ctrl+C; how many seconds it took."""
        began_at = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
        return time.monotonic() - began_at


def wait_until_gone(processes: list[psutil.Process], *, within_seconds: float) -> list[psutil.Process]:
    """Those that still run after that time; zombies do not count."""
    deadline = time.monotonic() + within_seconds
    while (left := [process for process in processes if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def refused(up: Up) -> tuple[int, str]:
    """The status and the last line of an `up` that does not start."""
    status = up.process.wait(START_SECONDS)
    return status, up.shown().strip().splitlines()[-1]
