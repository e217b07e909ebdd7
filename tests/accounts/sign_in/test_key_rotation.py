"""Keys are rotated on two web processes, one after the other, as docs/production.md says: no user is signed out."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from operations.local.valkey import free_port
from studio.env import PROJECT
from tests.migrated import copy_for_product
from tests.running import PASSWORD, manage

# seconds; eight starts of a server
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.product, pytest.mark.timeout(600)]

OLD = {"JWT_SIGNING_KEY": "o" * 64, "SECRET_KEY": "p" * 50}
NEW = {"JWT_SIGNING_KEY": "n" * 64, "SECRET_KEY": "m" * 50}
NAMES = ("JWT_VERIFYING_KEYS", "SECRET_KEY_FALLBACKS")
ONCE = {"Connection": "close"}  # a server that stops waits for open connections
ANN = {"email": "ann@example.com", "password": PASSWORD}
REFRESH = "/api/v1/auth/token/refresh"


def verifying(keys: dict[str, str]) -> dict[str, str]:
    return dict(zip(NAMES, keys.values(), strict=True))


class Web:
    """A web process on its own port, restarted with other keys."""

    def __init__(self, environment: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = environment | {"PORT": str(port)}
        self._process: subprocess.Popen[bytes] | None = None

    def restart(self, keys: dict[str, str]) -> None:
        self.stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--workers", "1", "studio.wsgi:application"],
            cwd=PROJECT,
            env={**os.environ, **self._environment, **keys},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
            assert self._process.poll() is None, "it does not start"
        raise AssertionError("it does not answer")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(60)


class Person:
    """Signs in at each process again and again, and keeps the tokens."""

    def __init__(self, webs: list[Web]) -> None:
        self._webs = webs
        self.access: list[str] = []
        self._refresh: list[str] = []
        self.admin = httpx.Client(timeout=30, headers=ONCE)

    def sign_in(self) -> None:
        for web in self._webs:
            self._keep(httpx.post(f"{web.url}/api/v1/auth/token", json=ANN, timeout=30))

    def sign_in_to_the_admin(self) -> None:
        page = f"{self._webs[0].url}/admin/login/"
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.admin.get(page).text)
        assert token
        form = {"username": ANN["email"], "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        assert self.admin.post(page, data=form, headers={"Referer": page}).status_code == 302

    def check(self) -> None:
        """Both processes accept every token signed so far; each refreshes tokens of the other."""
        for web in self._webs:
            for access in self.access:
                headers = {"Authorization": f"Bearer {access}"}
                assert httpx.get(f"{web.url}/api/v1/auth/me", headers=headers, timeout=30).status_code == 200
            assert self.admin.get(f"{web.url}/admin/").status_code == 200
        tokens, self._refresh = self._refresh, []
        for number, refresh in enumerate(tokens):
            web = self._webs[(number + 1) % len(self._webs)]
            self._keep(httpx.post(f"{web.url}{REFRESH}", json={"refresh": refresh}, timeout=30))

    def _keep(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        self.access.append(answer.json()["access"])
        self._refresh.append(answer.json()["refresh"])


@pytest.fixture
def webs(tmp_path: Path) -> Iterator[list[Web]]:
    rates = {"SIGN_IN_RATE": "1000/min", "TOKEN_RATE": "1000/min", "CREATE_RATE": "1000/min"}
    environment = {"DATA_DIR": str(tmp_path), "DATABASE_URL": copy_for_product(tmp_path), **rates}
    made = manage("create_api_user", ANN["email"], "--staff", "--password-stdin", stdin=PASSWORD, **environment)
    assert made.returncode == 0, made.stderr
    both = [Web(environment), Web(environment)]
    yield both
    for web in both:
        web.stop()


def test_rotation_in_steps_keeps_every_session(webs: list[Web]) -> None:
    for web in webs:
        web.restart(OLD)
    ann = Person(webs)
    ann.sign_in()
    ann.sign_in_to_the_admin()

    for keys in (
        OLD | verifying(NEW),  # step 1: both know the new key
        NEW | verifying(OLD),  # step 2: and sign with it
    ):
        for web in webs:
            web.restart(keys)
            ann.sign_in()
            ann.check()

    ann.access.clear()  # they end after ACCESS_MINUTES, and each refresh has given a pair of the new key
    ann.check()
    for web in webs:  # step 3: the old key is removed
        web.restart(NEW)
        ann.check()
