"""Two hundred clients with typical requests, without a pause; and sixty-four that read a download very slowly."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import load, meters
from benchmarks.deployment import Deployment, deployment
from benchmarks.load import Shot, shot
from benchmarks.report import Report
from benchmarks.scenarios import JOBS

CLIENTS = 200
SHARES = {"list": 60, "detail": 25, "create": 5, "download": 10}  # per cent
HISTORY, FILES, MAKERS = 2_000, 20, 300
FILE_KIB, LARGE_MIB = 256, 16
SLOW_READERS, SLOW_BYTES = 64, 10_000  # a second
LIST_CLIENTS = 8  # beside the slow readers
GROWTH = 1.1  # of memory from the first third to the end, at most
PATIENCE_SECONDS = 1.0  # for a list beside slow readers, p99; our own target


def run(report: Report) -> None:
    """The crowd, then the slow readers."""
    seconds, slow_seconds = (120, 30) if report.full else (15, 8)
    with deployment() as site:
        shots, lists, slow = _seed(site)
        web = site.start_web("web", workers=2)
        load.fire(lists[:1] * 64, port=site.ports["web"], clients=16)  # every thread has its connection then
        _crowd(report, site, web, shots, seconds=seconds)
        _slow_readers(report, site, web, lists, slow, seconds=slow_seconds)


def _seed(site: Deployment) -> tuple[dict[str, list[Shot]], list[Shot], Shot]:
    """The requests by kind, those for the list, and the download to be read slowly."""
    from benchmarks import rows

    ann = rows.user("ann")
    template = rows.finished_job(ann)
    rows.copy_jobs(template, (1, HISTORY))
    folder = Path(site.environment["DATA_DIR"]) / "media" / "videos"
    folder.mkdir(parents=True)
    jobs = [rows.key_of("job", number) for number in range(1, FILES + 1)]
    for job in jobs:
        (folder / f"{job}.mp4").write_bytes(random.Random(job).randbytes(FILE_KIB * 1024))
    large = rows.key_of("job", HISTORY)
    (folder / f"{large}.mp4").write_bytes(bytes(LARGE_MIB * 1024 * 1024))
    makers = [rows.access_token(user) for user in rows.users("maker", MAKERS)]
    rows.settle()
    token = rows.access_token(ann)
    body, kind = load.form({"mockMode": "true", "prompt": "A red dress in the wind"})
    lists = [shot("GET", f"{JOBS}?skip={20 * page}", token=token, kind="list") for page in range(5)]
    shots = {
        "list": lists,
        "detail": [shot("GET", f"{JOBS}/{job}", token=token, kind="detail") for job in jobs],
        "create": [
            shot("POST", JOBS, token=maker, body=body, content_type=kind, status=202, kind="create") for maker in makers
        ],
        "download": [shot("GET", f"{JOBS}/{job}/download", token=token, kind="download") for job in jobs],
    }
    return shots, lists, shot("GET", f"{JOBS}/{large}/download", token=token)


def _mixed(shots: dict[str, list[Shot]]) -> Iterator[Shot]:
    """Shots of random kinds, in the same order in every run; those of a kind in turn."""
    chance, turns = random.Random(1), dict.fromkeys(shots, 0)
    while True:
        kind = chance.choices(list(SHARES), weights=list(SHARES.values()))[0]
        turns[kind] += 1
        yield shots[kind][turns[kind] % len(shots[kind])]


def _crowd(report: Report, site: Deployment, web: int, shots: dict[str, list[Shot]], *, seconds: float) -> None:
    done, memory = threading.Event(), list[float]()

    def sample() -> None:
        """Measure memory, and end the jobs of the makers, who have three slots each."""
        from django.db import connection

        while not done.wait(0.5):
            memory.append(meters.memory_mib([web]))
            _end_jobs()
        connection.close()

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        cpu = meters.cpu_seconds([web])
        volley = load.fire(_mixed(shots), port=site.ports["web"], clients=CLIENTS, seconds=seconds, tolerant=True)
        cpu = meters.cpu_seconds([web]) - cpu
    finally:
        done.set()
        sampler.join()
    report.table(
        f"{CLIENTS} clients for {seconds} s",
        ["kind", "responses", "p50 ms", "p99 ms"],
        [[kind, len(found), *(1000 * meters.quantile(found, share) for share in (0.5, 0.99))]
         for kind, found in sorted(volley.by_kind.items())],
    )  # fmt: skip
    report.say(
        f"{volley.count / volley.seconds:.0f} requests/s, {cpu / volley.seconds:.2f} cores of the server,"
        f" {volley.client_cpu / volley.seconds:.2f} of the client."
    )
    third = memory[len(memory) // 3 :]
    report.say(f"Memory at the start, in the middle and at the end: {_points(memory)} MiB.")
    report.target("errors", value=len(volley.errors), limit=0, unit="")
    for error in volley.errors[:3]:
        report.say(error)
    report.target(
        "memory, end to first third", value=meters.median(third[-3:]) / meters.median(third[:3]), limit=GROWTH
    )


def _points(memory: list[float]) -> str:
    return ", ".join(f"{memory[at]:.0f}" for at in (0, len(memory) // 2, -1))


def _end_jobs() -> None:
    from benchmarks import rows

    rows.execute(
        "UPDATE videos_videojob SET phase = 'failed', slot = NULL, due_at = NULL, completed_at = now(),"
        " error_code = 'generation_failed' WHERE slot IS NOT NULL"
    )


def _slow_readers(report: Report, site: Deployment, web: int, lists: list[Shot], slow: Shot, *, seconds: float) -> None:
    def request_lists() -> load.Volley:
        shots: Any = iter(lambda: random.choice(lists), None)
        return load.fire(shots, port=site.ports["web"], clients=LIST_CLIENTS, seconds=seconds, tolerant=True)

    alone, done = request_lists(), threading.Event()
    got: list[int] = []

    def read() -> None:
        try:
            got.append(load.dribble(slow, port=site.ports["web"], bytes_a_second=SLOW_BYTES, until=done.is_set))
        except OSError:
            got.append(0)

    readers = [threading.Thread(target=read, daemon=True) for _ in range(SLOW_READERS)]
    for reader in readers:
        reader.start()
    time.sleep(2)
    before = meters.memory_mib([web])
    try:
        beside = request_lists()
    finally:
        memory = meters.memory_mib([web])
        done.set()
        for reader in readers:
            reader.join(load.PATIENCE_SECONDS)
    report.table(
        f"The list, beside {SLOW_READERS} downloads at {SLOW_BYTES // 1000} kB/s",
        ["when", "responses", "errors", "p50 ms", "p99 ms"],
        [[when, one.count, len(one.errors), *(1000 * meters.quantile(one.latencies, share) for share in (0.5, 0.99))]
         for when, one in (("alone", alone), ("beside", beside))],
    )  # fmt: skip
    report.say(f"{sum(map(bool, got))} of {SLOW_READERS} downloads had begun; memory {before:.0f} to {memory:.0f} MiB.")
    late = meters.quantile(beside.latencies, 0.99) if beside.latencies else load.PATIENCE_SECONDS
    report.target("list p99 beside slow readers", value=late, limit=PATIENCE_SECONDS, unit=" s")
