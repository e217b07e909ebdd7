"""Response times while a service that the product uses accepts connections but stays silent."""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psutil

from benchmarks import load, meters
from benchmarks.database import server_process
from benchmarks.deployment import Deployment, deployment
from benchmarks.parts.pictures import look_with, png
from benchmarks.report import Report

UPLOADS, WAITING = 20, 200
ROUNDS = {False: 8, True: 20}  # of each kind of request, by whether it is the full size
PASSWORD = "a-long-enough-passphrase"
# Promised in SECURITY.md, in milliseconds; a sign-in costs half of its second for its hash alone.
LIMITS = {"healthz": 100, "tokens": 1000, "sign in": 1000, "create": 1000}
HUNG_SECONDS = 5.0  # of the database


def run(report: Report) -> None:
    """Measure without disturbance, then with each service hung in turn."""
    with _silence() as port:
        rates = dict.fromkeys(("SIGN_IN_RATE", "SIGN_IN_ADDRESS_RATE"), "1000000/min")
        storage = f"cloudinary://key:secret@demo?upload_prefix=http://127.0.0.1:{port}"
        with deployment(**rates, CLOUDINARY_URL=storage) as site:
            web = site.start_web("web", workers=2)
            prober = _Prober(site, rounds=ROUNDS[report.full])
            _ask_all(report, site, web, prober)


def _ask_all(report: Report, site: Deployment, web: int, prober: "_Prober") -> None:
    prober.times()  # the first of each kind loads what it needs
    alone = prober.times()
    found = {"Cloudinary": _with_uploads(site, prober)}
    with _stopped([site.valkey.process_id]):
        found["Redis"] = prober.times()
    server = server_process(site.environment["DATABASE_URL"])
    if server is None:
        report.say("PostgreSQL is left out: it runs on another machine or belongs to another user.")
    else:
        found["PostgreSQL"] = _with_waiting(prober, server)
    header = ["what hangs", *(f"{kind} {what} ms" for kind in LIMITS for what in ("median", "max"))]
    report.table("Responses while a service hangs", header, [_row(name, times) for name, times in
                 ({"nothing": alone} | found).items()])  # fmt: skip
    for name, times in found.items():
        for kind, limit in LIMITS.items():
            if taken := times.get(kind):
                # the second slowest: on a busy machine one response of any server is late
                value, base = (1000 * sorted(one)[-2] for one in (taken, alone[kind]))
                report.target(f"{kind}, {name} hangs", value=value, limit=limit, unit=" ms", judged=base < limit / 2)
    report.say(f"The web processes take {meters.memory_mib([web]):.0f} MiB.")


def _row(name: str, times: dict[str, list[float]]) -> list[Any]:
    cells: list[Any] = [name]
    for kind in LIMITS:
        taken = times.get(kind)
        cells += [1000 * meters.median(taken), 1000 * max(taken)] if taken else [None, None]
    return cells


class _Prober:
    """Sends requests of each kind and measures the seconds that each takes."""

    def __init__(self, site: Deployment, *, rounds: int) -> None:
        from django.contrib.auth.hashers import PBKDF2PasswordHasher

        from benchmarks import rows

        self.port, self._rounds = site.ports["web"], rounds
        user, hasher = rows.user("ann"), PBKDF2PasswordHasher()
        user.password = hasher.encode(PASSWORD, hasher.salt())
        user.save(update_fields=["password"])
        user.refresh_from_db()
        self.token = rows.access_token(user)  # made after the password, whose change ends sessions
        makers = (rows.access_token(one) for one in rows.users("maker", 4 * rounds))
        self._makers = makers  # each makes one video: a user may have three unfinished ones

    def shots(self) -> Iterator[tuple[str, load.Shot]]:
        """One request of each kind."""
        sign_in = json.dumps({"email": "ann@example.com", "password": PASSWORD}).encode()
        video = json.dumps({"prompt": "A dress", "mockMode": True}).encode()
        yield "healthz", load.shot("GET", "/healthz", token=self.token)
        yield "tokens", load.shot("GET", "/api/v1/tokens", token=self.token)
        yield "sign in", _json("/api/v1/auth/token", sign_in, token="", status=200)
        yield "create", _json("/api/v1/video-jobs", video, token=next(self._makers), status=202)

    def times(self) -> dict[str, list[float]]:
        """So many rounds of each kind, one request after another. Raises UnexpectedResponse."""
        times: dict[str, list[float]] = {}
        for _ in range(self._rounds):
            for kind, shot in self.shots():
                times.setdefault(kind, []).append(self.time(shot))
        return times

    def time(self, shot: load.Shot) -> float:
        """Of one response. Raises UnexpectedResponse."""
        began_at = time.perf_counter()
        load.ask_json(shot, port=self.port)
        return time.perf_counter() - began_at


def _json(path: str, body: bytes, *, token: str, status: int) -> load.Shot:
    return load.shot("POST", path, token=token, body=body, content_type="application/json", status=status)


def _with_uploads(site: Deployment, prober: _Prober) -> dict[str, list[float]]:
    """Beside twenty uploads of one user; most are refused, the others wait for the storage."""
    upload = look_with(png(8, 0, 1, 0, side=64))(prober.token)

    def fire() -> load.Volley:
        return load.fire([upload] * UPLOADS, port=site.ports["web"], clients=UPLOADS, tolerant=True)

    with ThreadPoolExecutor(1) as pool:
        uploads = pool.submit(fire)
        time.sleep(1)
        times = prober.times()
        if uploads.done():
            raise RuntimeError(f"not a measurement: no upload waits: {uploads.result().errors[:3]}")
        uploads.result()
    return times


def _with_waiting(prober: _Prober, server: int) -> dict[str, list[float]]:
    """`/healthz` beside two hundred requests that wait for the database, or are refused."""
    tokens, health = (load.shot("GET", path, token=prober.token) for path in ("/api/v1/tokens", "/healthz"))
    times: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        with _stopped([process.pid for process in meters.tree(server)]):
            crowd = pool.submit(lambda: load.fire([tokens] * WAITING, port=prober.port, clients=WAITING, tolerant=True))
            time.sleep(1)
            ends_at = time.monotonic() + HUNG_SECONDS
            while time.monotonic() < ends_at:
                times.append(prober.time(health))
                time.sleep(0.1)
        crowd.result()
    return {"healthz": times}


@contextmanager
def _stopped(process_ids: list[int]) -> Iterator[None]:
    try:
        _signal(process_ids, signal.SIGSTOP)
        yield
    finally:
        _signal(process_ids, signal.SIGCONT)


def _signal(process_ids: list[int], number: int) -> None:
    for process_id in process_ids:
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            os.kill(process_id, number)


@contextmanager
def _silence() -> Iterator[int]:
    """The port of a server that accepts connections but stays silent."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]
