"""Costs as a user's history and the whole table grow; a flat cost has the factor 1."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import load, meters
from benchmarks.deployment import Deployment, deployment
from benchmarks.load import shot
from benchmarks.parts.endpoints import CLIENTS
from benchmarks.report import Report
from benchmarks.scenarios import JOBS

FLAT = 1.5  # times the cost with a short history, at most
CHUNK = 500_000  # rows between two checks of the time
SEED_SECONDS = 180  # for the rows of all others; then the benchmark runs with fewer
BYTES_A_ROW = 1500  # with its indexes and a margin
STEPPED_TO = "middle page"  # over the index, from the nearer end: half a history cannot be flat
LIVE = 300  # jobs of others in flight, which the sweeper's tick passes over
TICKS = 50


@dataclass
class Cost:
    """Of one operation at one size."""

    what: str
    history: int
    cpu_ms: float
    p50_ms: float
    statements: int


def run(report: Report) -> None:
    """Grow the table, then measure the same requests for users with short and long histories."""
    histories, total = ((10, 10_000, 1_000_000), 10_000_000) if report.full else ((10, 1_000, 100_000), 150_000)
    seconds = 2.5 if report.full else 1.0
    with deployment() as site:
        core, _ = site.give_services_a_core()
        costs = _ticks(0)
        users, rows, took = _seed(histories, total=total)
        less = "" if rows >= total else ", for lack of time or disk space"
        report.say(f"{rows:,} of {total:,} rows, seeded in {took:.0f} s{less}.")
        site.start_web("web", workers=1, core=core)
        for history, user in users.items():
            costs += _requests(site, user, history, seconds=seconds)
        costs += _ticks(rows)
    header = ["what", "history", "server CPU ms", "p50 ms", "statements"]
    report.table("Cost", header, [[c.what, c.history, c.cpu_ms, c.p50_ms, c.statements] for c in costs])
    ends, grows = [], 0
    for what, group in itertools.groupby(sorted(costs, key=lambda cost: cost.what), key=lambda cost: cost.what):
        own = sorted(group, key=lambda cost: cost.history)
        ends.append((what, own[0], own[-1]))
        grows += own[-1].statements > own[-2].statements  # the shortest history has one page only, so asks for less
    header = ["what", "from", "to", "server CPU", "p50", "statements more"]
    report.table("Flatness", header, [[what, first.history, last.history, f"{last.cpu_ms / first.cpu_ms:.2f}×",
                                       f"{last.p50_ms / first.p50_ms:.2f}×", last.statements - first.statements]
                                      for what, first, last in ends])  # fmt: skip
    for what, first, last in ends:
        report.target(
            f"{what}, CPU with {last.history:,} to {first.history:,}",
            value=last.cpu_ms / first.cpu_ms,
            limit=FLAT,
            judged=what != STEPPED_TO,
        )
    report.target("things that need more statements the longer the history", value=grows, limit=0, unit="")


def _seed(histories: tuple[int, ...], *, total: int) -> tuple[dict[int, Any], int, float]:
    """A user for each history, and the rest of the rows for a thousand others; the rows and the seconds they took."""
    from benchmarks import rows

    began_at = time.monotonic()
    users = {history: rows.user(f"history-{history}") for history in histories}
    others = rows.users("other", 100)
    template = rows.finished_job(others[0])
    with _quick_inserts():
        done = 0
        for history, user in users.items():
            rows.copy_jobs(template, (done + 1, done + history), owner_id=f"'{user.pk}'::uuid")
            done += history
        while done < total and time.monotonic() - began_at < SEED_SECONDS and _has_room():
            size = min(CHUNK, total - done)
            rows.copy_jobs(template, (done + 1, done + size), owner_id=rows.among(others))
            done += size
    _seed_live(others)
    rows.settle()
    return users, done, time.monotonic() - began_at


def _has_room() -> bool:
    """Whether the disk has space for another 20 chunks with their indexes."""
    from django.conf import settings

    disk = os.statvfs(settings.DATA_DIR)
    return disk.f_bavail * disk.f_frsize > 20 * CHUNK * BYTES_A_ROW


@contextmanager
def _quick_inserts() -> Iterator[None]:
    """No triggers run; indexes that no constraint needs are built once, at the end."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'videos_videojob'"
            " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("RESET session_replication_role")


def _seed_live(owners: list[Any]) -> None:
    """Jobs that others have in flight, three each; none of them is due."""
    from django.utils import timezone

    from benchmarks import rows

    later = timezone.now() + timezone.timedelta(hours=1)
    for owner in owners[: LIVE // 3]:
        for slot in (1, 2, 3):
            rows.finished_job(
                owner, phase="generating", progress_percentage=50, slot=slot, due_at=later, completed_at=None, video=""
            )


def _requests(site: Deployment, user: Any, history: int, *, seconds: float) -> list[Cost]:
    from benchmarks import rows

    token = rows.access_token(user)
    pages = {"page 1": 0, STEPPED_TO: max(history // 2 - 20, 0), "last page": max(history - 20, 0)}
    costs = []
    for what, skip in pages.items():
        one = shot("GET", f"{JOBS}?skip={skip}&limit=10", token=token)
        cost = _loaded(site, lambda one=one: itertools.repeat(one), seconds)
        costs.append(Cost(what, history, *cost, _statements("get", one.data.split()[1].decode(), token)))
    body, kind = load.form({"mockMode": "true", "prompt": "A red dress in the wind"})
    create = shot("POST", JOBS, token=token, body=body, content_type=kind, status=202)
    cost = _loaded_creates(site, create, int(20 * seconds))
    costs.append(Cost("create", history, *cost, _statements("post", JOBS, token)))
    return costs


def _loaded(site: Deployment, shots: Callable[[], Iterator[load.Shot]], seconds: float) -> tuple[float, float]:
    """CPU milliseconds of the server and median milliseconds of an response."""
    load.fire(shots(), port=site.ports["web"], clients=CLIENTS, seconds=0.3)
    before = meters.cpu_seconds([site.processes["web"].pid])
    volley = load.fire(shots(), port=site.ports["web"], clients=CLIENTS, seconds=seconds)
    used = meters.cpu_seconds([site.processes["web"].pid]) - before
    return 1000 * used / volley.count, 1000 * meters.quantile(volley.latencies, 0.5)


def _loaded_creates(site: Deployment, one: load.Shot, times: int) -> tuple[float, float]:
    """One at a time: a user has three slots, which are freed in between."""
    used, latencies = 0.0, []
    for _ in range(times):
        before = meters.cpu_seconds([site.processes["web"].pid])
        latencies += load.fire([one] * 3, port=site.ports["web"], clients=1).latencies
        used += meters.cpu_seconds([site.processes["web"].pid]) - before
        _forget_creates()
    return 1000 * used / len(latencies), 1000 * meters.quantile(latencies, 0.5)


def _forget_creates() -> None:
    from benchmarks import rows

    rows.execute("DELETE FROM videos_joblog WHERE job_id IN (SELECT id FROM videos_videojob WHERE phase = 'queued')")
    rows.execute("DELETE FROM videos_videojob WHERE phase = 'queued'")


def _statements(method: str, path: str, token: str) -> int:
    """How many statements one such request sends, counted in this process."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    data = {"mockMode": "true", "prompt": "A red dress"} if method == "post" else None
    with CaptureQueriesContext(connection) as captured:
        response = getattr(client, method)(path, data, **({"format": "multipart"} if data else {}))
    if response.status_code >= 400:
        raise load.UnexpectedResponse(f"{response.status_code} for {method} {path}: {response.content[:300]!r}")
    if data:
        _forget_creates()
    return len(captured)


def _ticks(rows_in_table: int) -> list[Cost]:
    """The sweeper's tick with no due job, measured in this process."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    _tick()
    with CaptureQueriesContext(connection) as captured:
        _tick()
    times = []
    used = time.thread_time()
    for _ in range(TICKS):
        began_at = time.perf_counter()
        _tick()
        times.append(1000 * (time.perf_counter() - began_at))
    cpu_ms = 1000 * (time.thread_time() - used) / TICKS
    return [Cost("sweeper's tick", rows_in_table, cpu_ms, meters.median(times), len(captured))]


def _tick() -> None:
    from videos.engine import sweeper

    due, _ = sweeper.find_due_work(sweeper.MAX_POLLS)
    assert not due
