"""Outages: processes and services of a running fleet are stopped, and started again."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

from tests.chaos.fleet import JOBS, Fleet


class Impossible(Exception):
    """The fault needs something that this machine lacks."""


@contextmanager
def without(fleet: Fleet, *roles: str) -> Iterator[None]:
    """Kill processes, and restart them at the end."""
    for role in roles:
        fleet.processes.retire(role)
    try:
        yield
    finally:
        for role in roles:
            fleet.processes.start(role)


@contextmanager
def no_sweeper_and_no_submit(fleet: Fleet) -> Iterator[None]:
    with without(fleet, "sweeper", "submit"):
        fleet.create()
        yield


@contextmanager
def no_submit_alone(fleet: Fleet) -> Iterator[None]:
    """The sweeper is alive, and sends hints that no worker takes."""
    with without(fleet, "submit"):
        fleet.create()
        yield


@contextmanager
def many_hints(fleet: Fleet) -> Iterator[None]:
    """150 hints for a media worker that is dead; sent directly, instead of making 150 jobs."""
    job = fleet.create()[0]
    fleet.finish([job])
    with without(fleet, "media"):
        fleet.hint("transfer", job, times=150)
        yield


@contextmanager
def database_stopped(fleet: Fleet) -> Iterator[None]:
    """PostgreSQL is stopped, while a client keeps sending requests."""
    client = fleet.customers[0].client
    fleet.database.stop()
    try:
        with _meanwhile(lambda: client.get(JOBS)):
            yield
    finally:
        fleet.database.restart("fast")


@contextmanager
def _meanwhile(act: Callable[[], object], *, pause: float = 0.05) -> Iterator[None]:
    """Repeat the action in a thread."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(pause):
            with contextlib.suppress(httpx.TransportError, psycopg.Error):
                act()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(60)


@contextmanager
def redis_stopped(fleet: Fleet) -> Iterator[None]:
    fleet.valkey.stop()
    try:
        yield
    finally:
        fleet.valkey.start()


@contextmanager
def slow_lists(fleet: Fleet) -> Iterator[None]:
    """The table of jobs is locked for 0.7 s again and again; that is less than the second that a scrape may take."""

    def lock() -> None:
        with psycopg.connect(fleet.database.url) as connection:
            connection.execute("LOCK TABLE videos_videojob IN ACCESS EXCLUSIVE MODE")
            time.sleep(0.7)

    client = fleet.customers[0].client
    with _meanwhile(lock, pause=0.3), _meanwhile(lambda: client.get(JOBS)):
        yield


@contextmanager
def small_disk(fleet: Fleet) -> Iterator[None]:
    """The work folder is a file system of 64 MB. Raises Impossible without the right to mount one."""
    folder = Path(fleet.folder) / "data" / "work"
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise Impossible(f"mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)
