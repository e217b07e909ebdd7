"""The whole product as real processes on a free port, for tests that use it from outside."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg

from operations.local.valkey import free_port
from studio.env import PROJECT
from tests.migrated import copy_for_product

PASSWORD = "a-long-enough-passphrase"
# Distinguishes the parts by their command lines.
PARTS = {
    "submit": "rqworker submit",
    "media": "rqworker media",
    "webhooks": "rqworker webhooks",
    "sweeper": "manage.py sweep",
    "live": "manage.py live",
    "valkey": "valkey-server",
}


def own_database_url() -> str:
    """An empty database of the kind that this run tests with; "" where each DATA_DIR has its own."""
    server = os.environ["DATABASE_URL"]
    return empty_database(server) if server else ""


def empty_database(server: str) -> str:
    """The URL of a new database on the server."""
    name = f"running_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def manage(
    *command: str, stdin: str = "", seconds: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A management command of its own process, by default on the database and the folder of this test run."""
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=PROJECT,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def start_up(*options: str, environment: Mapping[str, str], output: BinaryIO) -> subprocess.Popen[bytes]:
    """`manage.py up` in a process group of its own, killed when this process dies.

    The environment is added to the test run's.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "operations.local.die_with_parent", sys.executable, "manage.py", "up", *options],
        cwd=PROJECT,
        env={**os.environ, **environment, "STUDIO_PARENT_PID": str(os.getpid())},
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def wait_until_healthy(port: int, *, process: subprocess.Popen[bytes], output: Callable[[], str]) -> None:
    """Until `/healthz` at that port responds with 200; a test fails after a minute, or once the process has ended."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"nothing healthy at {port}:\n{output()}")


class RunningStudio:
    """`manage.py up`, with its files in a folder of the test."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.live_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "LIVE_PORT": str(self.live_port),
            "REDIS_URL": "",
            "DATABASE_URL": environment.get("DATABASE_URL") or copy_for_product(folder),
            "MOCK_VIDEO_SECONDS": "2",
            **environment,
        }
        self._output = (folder / "up.log").open("wb")
        self.process = start_up("--no-demo", environment=self.environment, output=self._output)
        for port in (self.port, self.live_port):
            wait_until_healthy(port, process=self.process, output=self.output)

    def output(self) -> str:
        return (self.folder / "up.log").read_text()

    def manage(self, *command: str, stdin: str = "", check: bool = True, seconds: float = 60) -> str:
        """Run a management command beside it; returns its output."""
        done = manage(*command, stdin=stdin, seconds=seconds, **self.environment)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def client(self, email: str, *, tokens: int = 1000, staff: bool = False) -> httpx.Client:
        """An HTTP client, signed in as a new user."""
        options = ["--staff"] if staff else []
        self.manage("create_api_user", email, "--password-stdin", "--tokens", str(tokens), *options, stdin=PASSWORD)
        return self.signed_in(email)

    def signed_in(self, email: str) -> httpx.Client:
        """An HTTP client, signed in as an existing user."""
        response = httpx.post(f"{self.url}/api/v1/auth/token", json={"email": email, "password": PASSWORD})
        token = response.json()["access"]
        return httpx.Client(base_url=self.url, timeout=30, headers={"Authorization": f"Bearer {token}"})

    def pids(self, part: str) -> list[psutil.Process]:
        """The processes of one part."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if PARTS[part] in " ".join(child.cmdline()):
                    found.append(child)
            except psutil.Error:
                continue
        return found

    def kill(self, part: str) -> None:
        """`kill -9` of one part."""
        for process in self.pids(part):
            process.send_signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ctrl+C."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
            self._output.close()


def wait_for(client: httpx.Client, job_ids: list[str], *, seconds: float) -> list[dict[str, Any]]:
    """The jobs, once all of them are finished."""
    deadline = time.monotonic() + seconds
    while True:
        jobs = [client.get(f"/api/v1/video-jobs/{job_id}").json() for job_id in job_ids]
        if all(job["status"] in {"SUCCEEDED", "FAILED"} for job in jobs):
            return jobs
        assert time.monotonic() < deadline, [(job["status"], job["progressPercentage"], job["logs"]) for job in jobs]
        time.sleep(0.3)
