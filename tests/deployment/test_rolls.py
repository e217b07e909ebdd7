"""Web processes are restarted one after another behind the nginx of docs/production.md, while clients send requests."""

import io
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from PIL import Image

from operations.local.valkey import free_port
from studio.env import PROJECT
from tests.deployment.nginx import Nginx
from tests.migrated import copy_for_product
from tests.running import PASSWORD, manage

PREFIX = "/AIStudio"
# A short form for every change; `make production` has three rolls, and 2,000 requests.
ROLLS = int(os.environ.get("ROLLS", "1"))
REQUESTS = int(os.environ.get("ROLL_REQUESTS", "500"))
USERS = 8
NGINX_RETRY_SECONDS = 3  # above fail_timeout in deploy/nginx/studio.conf
# sd_listen_fds(3): the socket is descriptor 3, and the variables name the process.
AS_SYSTEMD_DOES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.product, pytest.mark.xdist_group("rolls")]


class Web:
    """A web process with its two workers."""

    def __init__(self, folder: Path, environment: dict[str, str], *, sock: socket.socket | None = None) -> None:
        self.port = sock.getsockname()[1] if sock else free_port()
        self.log = folder / f"web-{self.port}.log"
        self._environment = environment | {"PORT": str(self.port)}
        self._socket = sock
        self.start()

    def start(self) -> None:
        """Start it as systemd does with a socket."""
        command, files = [sys.executable, "-m", "gunicorn", "studio.wsgi:application"], []
        if self._socket is not None:
            files = [self._socket.fileno()]
            command = [sys.executable, "-c", AS_SYSTEMD_DOES, str(*files), *command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self._environment,
                stdout=log,
                stderr=log,
                pass_fds=files,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        for _ in range(600):
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
            if self.process.poll() is not None:
                break
        raise AssertionError(f"it does not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0

    def restart(self) -> None:
        """Restart as docs/production.md says, so that the next process can be restarted."""
        self.stop()
        self.start()
        self.wait_until_ready()
        time.sleep(NGINX_RETRY_SECONDS)

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    found = {
        **os.environ,
        "DATA_DIR": str(folder),
        "DATABASE_URL": copy_for_product(folder),
        "BASE_PATH": PREFIX,
        "TRUST_PROXY": "true",
        "PROXY_COUNT": "1",
        "REQUEST_RATE": "1000000/min",
        "CREATE_RATE": "1000000/min",
    }
    made = manage("create_api_user", "ann@example.com", "--password-stdin", stdin=PASSWORD, **found)
    assert made.returncode == 0
    return found


class Clients:
    """They read and write as fast as they get responses, until they are stopped."""

    def __init__(self, url: str, *, verify: ssl.SSLContext | bool) -> None:
        self._url, self._verify = url, verify
        self._stopping = threading.Event()
        self.outcomes: Counter[str] = Counter()
        self._lock = threading.Lock()
        response = httpx.post(
            f"{url}/api/v1/auth/token", json={"email": "ann@example.com", "password": PASSWORD}, verify=verify
        )
        self._headers = {"Authorization": f"Bearer {response.json()['access']}"}
        self._threads = [threading.Thread(target=self._use) for _ in range(USERS)]
        for thread in self._threads:
            thread.start()

    def _use(self) -> None:
        out = io.BytesIO()
        Image.new("RGB", (64, 64), "teal").save(out, "PNG")
        files = {"generatedImage": ("a.png", out.getvalue(), "image/png")}
        with httpx.Client(base_url=self._url, headers=self._headers, verify=self._verify, timeout=60) as client:
            while not self._stopping.is_set():
                for _ in range(4):
                    self._count(client, "GET", "/api/v1/looks?limit=5")
                self._count(client, "POST", "/api/v1/looks", data={"title": "x"}, files=files)

    def _count(self, client: httpx.Client, method: str, path: str, **options: object) -> None:
        try:
            outcome = str(client.request(method, path, **options).status_code)  # type: ignore[arg-type]
        except httpx.TransportError as exc:
            outcome = repr(exc)
        with self._lock:
            self.outcomes[f"{method} {outcome}"] += 1

    @property
    def requests(self) -> int:
        return sum(self.outcomes.values())

    def stop(self) -> dict[str, int]:
        """The outcomes of their requests."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)
        return dict(self.outcomes)


def lost(outcomes: dict[str, int]) -> dict[str, int]:
    return {outcome: number for outcome, number in outcomes.items() if outcome not in {"GET 200", "POST 201"}}


def test_no_request_is_lost_while_processes_are_restarted(environment: dict[str, str], tmp_path: Path) -> None:
    webs = [Web(tmp_path, environment), Web(tmp_path, environment)]
    nginx = None
    try:
        for web in webs:
            web.wait_until_ready()
        nginx = Nginx(tmp_path, ports=[web.port for web in webs], prefix=PREFIX)
        clients = Clients(nginx.url, verify=ssl.create_default_context(cafile=nginx.certificate))
        for roll in range(ROLLS):
            for web in webs:
                web.restart()
            while clients.requests < REQUESTS * (roll + 1) / ROLLS:
                time.sleep(0.05)
        outcomes = clients.stop()
    finally:
        for web in webs:
            web.kill()
        if nginx:
            nginx.stop()

    assert lost(outcomes) == {}
    assert sum(outcomes.values()) >= REQUESTS
    assert outcomes["POST 201"] > REQUESTS / 20


def test_no_request_is_lost_on_a_socket_of_systemd(environment: dict[str, str], tmp_path: Path) -> None:
    """One process with a socket of systemd: requests wait while it starts."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as sock:
        web = Web(tmp_path, environment, sock=sock)
        try:
            web.wait_until_ready()
            clients = Clients(f"http://127.0.0.1:{web.port}{PREFIX}", verify=False)
            for _ in range(ROLLS):
                web.restart()
                time.sleep(0.5)
            outcomes = clients.stop()
        finally:
            web.kill()

    assert lost(outcomes) == {}
    assert outcomes["POST 201"] > 10


def test_process_that_stops_says_so_before_it_takes_no_more_connections(
    environment: dict[str, str], tmp_path: Path
) -> None:
    web = Web(tmp_path, environment | {"STOP_DELAY_SECONDS": "5", "GUNICORN_CMD_ARGS": "--workers 1"})
    try:
        web.wait_until_ready()
        web.process.send_signal(signal.SIGTERM)
        response = httpx.get(f"http://127.0.0.1:{web.port}/readyz", timeout=30)
        while response.status_code == 200:
            response = httpx.get(f"http://127.0.0.1:{web.port}/readyz", timeout=30)
        alive = httpx.get(f"http://127.0.0.1:{web.port}/healthz", timeout=30)
        status = web.process.wait(60)
    finally:
        web.kill()

    assert (response.status_code, response.json()) == (
        503,
        {"status": "unready", "checks": {"process": {"status": "down"}}},
    )
    assert (alive.status_code, alive.headers["Connection"]) == (200, "close")
    assert status == 0
