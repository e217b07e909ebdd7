"""Submit worker, media worker and sweeper, beside fakes of the vendors."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from benchmarks import meters
from benchmarks.deployment import RQ_OPTIONS, Deployment
from benchmarks.vendors import MODEL
from studio.env import PROJECT

COMMANDS = {
    "submit": ("manage.py", "rqworker", "submit", *RQ_OPTIONS),
    "media": ("manage.py", "rqworker", "media", *RQ_OPTIONS),
    "sweeper": ("manage.py", "sweep"),
}


@contextmanager
def vendors() -> Iterator[dict[str, str]]:
    """Run the fakes of the vendors; yields the variables that point the product at them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.vendors"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def use_upstream_of_fakes() -> None:
    """Enable only the upstream that the fake of Google provides, whatever today's date is."""
    from benchmarks import rows

    is_used = f"provider = 'google_omni' AND upstream_model = '{MODEL}'"
    rows.execute(f"UPDATE videos_upstream SET retires_on = NULL, is_enabled = ({is_used})")


def call(url: str, path: str, body: Any = None) -> Any:
    """Send a request to the fake of Google."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}{path}", data), timeout=60) as response:
        return json.loads(response.read())


@contextmanager
def fleet(
    site: Deployment, *, factor: float, roles: Sequence[str] = tuple(COMMANDS), **environment: str
) -> Iterator[list[int]]:
    """Start the processes, with intervals divided by `factor`; yields their ids once they are ready."""
    with redis.Redis.from_url(site.valkey.url) as connection:
        for key in connection.scan_iter("rq:*"):  # hints and workers of an earlier fleet
            connection.delete(key)
        began_at = time.time()
        ids = [
            site.start(role, "-m", "benchmarks.tempo", str(factor), *COMMANDS[role], **environment) for role in roles
        ]
        try:
            workers = sum(role != "sweeper" for role in roles)
            for role in roles:
                site.wait_until(
                    lambda: connection.scard("rq:workers") >= workers and ("sweeper" not in roles or _beats(began_at)),
                    name=role,
                )
            time.sleep(1)  # for the work that they do once
            yield ids
        finally:
            site.stop(*roles)


def _beats(since: float) -> bool:
    from studio.models import Heartbeat

    beat = Heartbeat.objects.filter(name="sweeper").first()
    return beat is not None and beat.beat_at.timestamp() >= since


@contextmanager
def held_back(process_ids: Sequence[int]) -> Iterator[None]:
    """The processes are stopped inside the block, and continue all at once after it."""
    for process_id in process_ids:
        os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        for process_id in process_ids:
            os.kill(process_id, signal.SIGCONT)


@dataclass
class Usage:
    """Usage of processes in a block."""

    cpu_seconds: float = 0
    peak_mib: float = 0


@contextmanager
def watched(process_ids: Sequence[int]) -> Iterator[Usage]:
    """Their CPU and highest memory during the block."""
    usage, before = Usage(), meters.cpu_seconds(process_ids)
    with meters.Peak(process_ids) as peak:
        yield usage
    usage.cpu_seconds, usage.peak_mib = meters.cpu_seconds(process_ids) - before, peak.mib


def wait_for(ids: Sequence[Any], *, seconds: float, site: Deployment, roles: Sequence[str] = tuple(COMMANDS)) -> bool:
    """Return when all of these jobs are finished; False when they are not in time. Raises when a process ends."""
    from videos.models import VideoJob

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not VideoJob.objects.filter(pk__in=ids, due_at__isnull=False).exists():
            return True
        site.require(*roles)
        time.sleep(0.1)
    return False
