"""The product in a temporary folder: its services, its settings and its processes, all gone after the block."""

import contextlib
import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import meters
from benchmarks.database import database, server_process
from operations.local.valkey import Valkey, free_port
from studio.env import PROJECT

START_SECONDS = 90  # for a process to respond, on a busy machine
STOP_SECONDS = 40  # above gunicorn's graceful time-out
QUIET = ("--access-logfile", "/dev/null", "--log-level", "warning")
RQ_OPTIONS = ("--skip-checks", "-v", "0")


class Deployment:
    """The running processes, by name."""

    def __init__(self, folder: Path, environment: Mapping[str, str], valkey: Valkey) -> None:
        self.folder, self.valkey = folder, valkey
        self.environment = dict(environment)
        self.has_own_server = not os.environ.get("BENCH_DATABASE_URL")  # of PostgreSQL
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}
        self._cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()

    def start(self, name: str, *argv: str, core: int | None = None, **environment: str) -> int:
        """Start a Python process; returns its id."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "operations.local.die_with_parent", sys.executable, *argv],
                cwd=PROJECT,
                env={**os.environ, **self.environment, **environment, "STUDIO_PARENT_PID": str(os.getpid())},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        if core is not None:
            meters.bind_to({core}, [process.pid])
        return process.pid

    def start_web(self, name: str, **options: Any) -> int:
        """Start gunicorn as `launch_web` does, and return when it responds."""
        process_id = self.launch_web(name, **options)
        self.wait_for_web(name)
        return process_id

    def launch_web(
        self,
        name: str,
        *,
        workers: int,
        core: int | None = None,
        application: str = "studio.wsgi:application",
        **environment: str,
    ) -> int:
        """Start gunicorn with the product's own settings, at its port of before if it had one, and return at once."""
        port = self.ports.setdefault(name, free_port())
        argv = ("-m", "gunicorn", application, "--workers", str(workers), *QUIET)
        return self.start(name, *argv, core=core, PORT=str(port), **environment)

    def wait_for_web(self, name: str) -> None:
        """Return once it responds. Raises RuntimeError when it does not in time."""
        self.wait_until(lambda: _responds(self.ports[name]), name=name)

    def wait_until(self, condition: Callable[[], bool], *, name: str, seconds: float = START_SECONDS) -> None:
        """Return once it holds. Raises RuntimeError, with the end of the process's log, when it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or (name in self.processes and self.processes[name].poll() is not None):
                raise RuntimeError(f"{name} does not start:\n{self.log(name)[-3000:]}")
            time.sleep(0.05)

    def require(self, *names: str) -> None:
        """Raise RuntimeError, with the end of its log, when one of these processes has ended."""
        for name in names:
            if self.processes[name].poll() is not None:
                raise RuntimeError(f"{name} has ended:\n{self.log(name)[-3000:]}")

    def log(self, name: str) -> str:
        """The log of the process."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self, *names: str) -> None:
        """Stop these processes, or all; one that takes too long is killed."""
        wanted = [self.processes.pop(name) for name in names or list(self.processes)]
        for process in wanted:
            process.terminate()
        for process in wanted:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                for one in reversed(meters.tree(process.pid)):
                    with contextlib.suppress(Exception):
                        one.kill()
                process.wait(STOP_SECONDS)

    def give_services_a_core(self) -> tuple[int, int] | tuple[None, None]:
        """Bind database, Valkey and this process to the second core; returns both, the first for the measured process.

        Nothing is bound on a machine with one core, or where processes cannot be bound.
        """
        found = meters.cores()
        if not found:
            return None, None
        meters.bind_to({found[1]}, self._services())
        return found

    def free_services(self) -> None:
        """Let them run on all cores again."""
        meters.bind_to(self._cores, self._services())

    def _services(self) -> list[int]:
        server = server_process(self.environment["DATABASE_URL"])
        return [*([server] if server else []), self.valkey.process_id, os.getpid()]

    def manage(self, *command: str) -> str:
        """Run a management command; returns its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=PROJECT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(command)} failed:\n{done.stdout[-3000:]}")
        return done.stdout


@contextmanager
def deployment(**environment: str) -> Iterator[Deployment]:
    """Services that run, a migrated database, and Django set up in this process; nothing of the developer's is used."""
    server = os.environ.get("BENCH_DATABASE_URL", "")
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o755)  # PostgreSQL has a user of its own where we are root
        url = stack.enter_context(database(folder, server=server))
        valkey = Valkey(folder=folder / "valkey")
        valkey.start()
        stack.callback(valkey.stop)
        (folder / "data").mkdir()
        fixed = {
            **dict.fromkeys(_names_in_example(), ""),
            "ENVIRONMENT": "development",
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": url,
            "REDIS_URL": valkey.url,
            "HOST": "127.0.0.1",
            "LOG_LEVEL": "ERROR",
            "ACCESS_MINUTES": "600",
            # counted as usual but never reached: one user here stands for many
            "REQUEST_RATE": "1000000000/day",
            "CREATE_RATE": "1000000000/day",
        }
        made = Deployment(folder, fixed | environment, valkey)
        stack.callback(made.stop)
        made.manage("migrate", "-v", "0", "--skip-checks")
        _set_up(made.environment)
        stack.callback(_hang_up)
        yield made


def _names_in_example() -> list[str]:
    """Every variable that the product reads."""
    return re.findall(r"^# ([A-Z][A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)


def _set_up(environment: Mapping[str, str]) -> None:
    import django

    os.environ.update(environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "studio.settings"
    django.setup()
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # no sign-in uses them


def _hang_up() -> None:
    from django.db import connections

    connections.close_all()


def _responds(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
