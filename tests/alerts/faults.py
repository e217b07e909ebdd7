"""The faults that the alerts are for: each is caused in a running fleet, and taken away again."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from tests.chaos import catalogue
from tests.chaos.fleet import JOBS, Fleet
from tests.chaos.processes import wait_until
from tests.fakes.google_books import NO_FAULT
from tests.fakes.google_books import Fault as GoogleFault

FIRST_SECONDS = 60  # until a step of a job is seen


class NotHere(Exception):
    """The fault needs something that this machine does not have."""


@dataclass(frozen=True)
class Fault:
    """What breaks, in words, how to break it, and the alerts that must fire before `seconds` have gone."""

    what: str
    alerts: tuple[str, ...]
    cause: Callable[[Fleet], AbstractContextManager[None]]
    seconds: float = 60


def _is_in(fleet: Fleet, phase: str) -> Callable[[], bool]:
    return lambda: bool(fleet.database.rows(f"SELECT id FROM videos_videojob WHERE phase = '{phase}'"))


@contextmanager
def _google(fleet: Fleet, on: str, fault: str, *, jobs: int = 1, times: int = 1000, **facts: str) -> Iterator[None]:
    """Google's calls of a kind fail while some videos are ordered."""
    fleet.google.account.faults.append(GoogleFault(on, fault, times, **facts))  # type: ignore[arg-type]
    try:
        fleet.create(count=jobs)
        yield
    finally:
        fleet.google.account.faults.clear()


@contextmanager
def _cloudinary(fleet: Fleet, fault: str) -> Iterator[None]:
    """The storage takes no file of a job that has just been made."""
    fleet.cloudinary.script("upload", fault, times=10_000)
    try:
        fleet.create()
        yield
    finally:
        fleet.cloudinary.account.faults.clear()


@contextmanager
def _without(fleet: Fleet, *roles: str) -> Iterator[None]:
    """Processes die, and do not come back."""
    for role in roles:
        fleet.processes.retire(role)
    try:
        yield
    finally:
        for role in roles:
            fleet.processes.start(role)


def _dead(*roles: str) -> Callable[[Fleet], AbstractContextManager[None]]:
    return lambda fleet: _without(fleet, *roles)


@contextmanager
def no_sweeper_and_no_submit(fleet: Fleet) -> Iterator[None]:
    with _without(fleet, "sweeper", "submit"):
        fleet.create()
        yield


@contextmanager
def no_submit_alone(fleet: Fleet) -> Iterator[None]:
    """The sweeper lives, and sends hints that no worker follows."""
    with _without(fleet, "submit"):
        fleet.create()
        yield


@contextmanager
def many_hints(fleet: Fleet) -> Iterator[None]:
    """150 hints for a media worker that is dead; made by hand, in place of 150 jobs."""
    job = fleet.create()[0]
    fleet.finish([job])
    with _without(fleet, "media"):
        fleet.hint("transfer", job, times=150)
        yield


@contextmanager
def database_stopped(fleet: Fleet) -> Iterator[None]:
    """PostgreSQL is stopped, while a client asks on."""
    client = fleet.people[0].client
    fleet.database.stop()
    try:
        with _meanwhile(lambda: client.get(JOBS)):
            yield
    finally:
        fleet.database.restart("fast")


@contextmanager
def _meanwhile(act: Callable[[], object], *, pause: float = 0.05) -> Iterator[None]:
    """Do it again and again in a thread."""
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
    """Something locks the table of jobs for 0.7 s, again and again: less than the second that a scrape gets here."""

    def lock() -> None:
        with psycopg.connect(fleet.database.url) as connection:
            connection.execute("LOCK TABLE videos_videojob IN ACCESS EXCLUSIVE MODE")
            time.sleep(0.7)

    client = fleet.people[0].client
    with _meanwhile(lock, pause=0.3), _meanwhile(lambda: client.get(JOBS)):
        yield


@contextmanager
def small_disk(fleet: Fleet) -> Iterator[None]:
    """The work folder is a file system of 64 MB. Raises NotHere without the right to mount one."""
    folder = Path(fleet.folder) / "data" / "work"
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise NotHere(f"mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


@contextmanager
def never_finished(fleet: Fleet) -> Iterator[None]:
    """A video that Google never finishes, ordered three hours ago: its row is dated back."""
    with _google(fleet, "work", "never"):
        wait_until(_is_in(fleet, "generating"), seconds=FIRST_SECONDS, what="a video in the making")
        fleet.database.execute(
            "UPDATE videos_videojob SET created_at = created_at - interval '3 hours' WHERE phase = 'generating'"
        )
        yield
    for work in list(fleet.google.account.works.values()):
        work.end = NO_FAULT
    wait_until(lambda: not _is_in(fleet, "generating")(), seconds=FIRST_SECONDS, what="the video made")


@contextmanager
def storage_refuses(fleet: Fleet) -> Iterator[None]:
    """The key of the storage is refused; the video was made 40 minutes ago: its row is dated back."""
    with _cloudinary(fleet, "401 Invalid Signature"):
        wait_until(_is_in(fleet, "storing"), seconds=FIRST_SECONDS, what="a finished video")
        fleet.database.execute(
            "UPDATE videos_videojob SET generated_at = generated_at - interval '40 minutes' WHERE phase = 'storing'"
        )
        yield
    wait_until(lambda: not _is_in(fleet, "storing")(), seconds=FIRST_SECONDS, what="the video stored")


def file_refused(fleet: Fleet) -> AbstractContextManager[None]:
    """The storage never takes this file."""
    return _cloudinary(fleet, "400 File size too large. Got 11000000. Maximum is 10485760.")


@contextmanager
def removals_refused(fleet: Fleet) -> Iterator[None]:
    """The storage removes nothing."""
    job = fleet.create()[0]
    fleet.finish([job])
    fleet.cloudinary.script("destroy", "500", times=10_000)
    try:
        fleet.delete(job)
        yield
    finally:
        fleet.cloudinary.account.faults.clear()


@contextmanager
def removals_forgotten(fleet: Fleet) -> Iterator[None]:
    """A file was due two hours ago (its row is dated back), and there is no sweeper."""
    job = fleet.create()[0]
    fleet.finish([job])
    with _without(fleet, "sweeper"):
        fleet.delete(job)
        fleet.database.execute("UPDATE studio_disposal SET due_at = now() - interval '2 hours'")
        yield


@contextmanager
def upstream_retired(fleet: Fleet) -> Iterator[None]:
    """Google has retired the first upstream, which is refused for the third time in a row."""
    with catalogue.retired_upstream(fleet.database, refusals=catalogue.NEARLY_SUSPENDED):
        fleet.create()
        yield
    fleet.database.execute("UPDATE videos_upstream SET refusals = 0, suspended_at = NULL, suspended_because = ''")


@contextmanager
def model_ends(fleet: Fleet) -> Iterator[None]:
    fleet.database.execute("UPDATE videos_upstream SET retires_on = current_date + 5 WHERE is_enabled")
    try:
        yield
    finally:
        fleet.database.execute("UPDATE videos_upstream SET retires_on = NULL WHERE is_enabled")


@contextmanager
def dear_video(fleet: Fleet) -> Iterator[None]:
    """A video of $400, by the catalogue."""
    fleet.database.execute("""UPDATE videos_upstream SET prices = '{"720p": "100"}' WHERE is_enabled""")
    fleet.create()
    yield


def key_refused(fleet: Fleet) -> AbstractContextManager[None]:
    return _google(fleet, "submit", "403", message="The caller does not have permission", reason="PERMISSION_DENIED")


FAULTS = (
    Fault("the model's last upstream ends in five days", ("ModelEnds",), model_ends),
    Fault("the provider refuses our key", ("ProviderRefusesUs",), key_refused),
    Fault(
        "the provider answers polls with 500", ("ProviderFails",), lambda fleet: _google(fleet, "poll", "500", jobs=9)
    ),
    Fault("connections break during paid calls", ("AnswersAreLost",), lambda fleet: _google(fleet, "submit", "reset")),
    Fault("Google has retired the first upstream", ("UpstreamIsSuspended",), upstream_retired),
    Fault("a video costs $400", ("MoneyRunsOut",), dear_video),
    Fault("Google never finishes a video", ("JobIsStuck",), never_finished),
    Fault(
        "the storage refuses our key",
        ("StorageFails", "TransfersAreLate", "TransfersFail", "StoringTakesLong"),
        storage_refuses,
    ),
    Fault("the storage refuses a file", ("VideosAreLost",), file_refused),
    Fault("the storage removes nothing", ("RemovalsFail",), removals_refused),
    Fault("the work folder is on a disk of 64 MB", ("DiskIsNearlyFull",), small_disk),
    Fault("the table of jobs is locked", ("ListIsSlow",), slow_lists),
    Fault("media is dead, with 150 hints", ("WorkersAreBehind",), many_hints),
    Fault("removals are due, without a sweeper", ("RemovalsAreOverdue",), removals_forgotten),
    Fault("submit is dead", ("JobsWait",), no_submit_alone, seconds=200),
    Fault("sweeper and submit are dead", ("SweeperIsDead", "JobsWait"), no_sweeper_and_no_submit, seconds=200),
    Fault("PostgreSQL is stopped", ("DatabaseIsAway", "MetricsAreIncomplete", "ServerErrors"), database_stopped),
    Fault("Redis is stopped", ("MetricsAreIncomplete",), redis_stopped),
    Fault("web is dead", ("WebIsAway",), _dead("web")),
)
