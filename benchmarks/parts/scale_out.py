"""The system on several machines: what is lost or doubled when some die, how late ends are seen, the cost of a video.

Ordered jobs go through the API and all processes of the product. The rest of the many is inserted as the provider has
accepted it, to save time: it is polled, fetched and stored like the others. `benchmarks.rounds` says what else differs
from production: the ages of the jobs.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks import fleet, meters
from benchmarks.cluster import LOST_WITH_A_SUBMIT, MACHINES, Cluster, cluster, names_of
from benchmarks.deployment import Deployment, deployment
from benchmarks.report import Report

if TYPE_CHECKING:
    from benchmarks.orders import Outcome
    from benchmarks.rounds import Round

KILLS = {"fill": {"web1": 0.4, "submit1": 0.6}, "ends": {"sweeper1": 0.3, "media1": 0.6}}  # each at a share of the leg
LAG_GROWTH = 2  # times the lag with few in flight, at most
LEAST_SHARE = 0.2  # of the polls, by each of two sweepers
JUDGED_POLLS = 1_000  # fewer are found in so few ticks that a sweeper's share is luck
IDLE_SECONDS = 10
NO_POOL = "WITHOUT PgBouncer: it is not installed, or DATABASE_URL names a server"
STORED = "a video, stored (and its polls)"
WHAT = {
    "fill": "a job, ordered and submitted",
    "cruise": "a poll",
    "ends": STORED,
    "drain": STORED,
}
TABLES = ("videos_videojob", "videos_joblog", "videos_jobinput", "accounts_ledgerentry", "videos_event",
          "studio_disposal")  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The jobs of a round, and the seconds of its legs."""

    ordered: int
    inserted: int
    cruise_seconds: float
    ends_share: float
    ends_seconds: float
    kills: dict[str, dict[str, float]] = field(default_factory=dict)


def run(report: Report) -> None:
    """A round with few in flight, then one with many, in which a process of each kind is killed."""
    if report.full:
        plans = [Plan(100, 0, 5, 1, 60), Plan(3_000, 7_000, 60, 0.1, 120, KILLS)]
    else:
        plans = [Plan(20, 0, 5, 1, 30), Plan(60, 60, 20, 0.5, 30, KILLS)]
    with fleet.vendors() as addresses, deployment(**addresses) as site:
        _prepare(site)
        with cluster(site) as machines:
            pool = "behind PgBouncer in transaction mode" if machines.pool else NO_POOL
            report.say(f"{', '.join(f'{count} {kind}' for kind, count in MACHINES.items())}; {pool}.")
            _report_idle(report, machines, addresses)
            lags = [_round(report, machines, addresses, plan) for plan in plans]
        report.say(f"manage.py reconcile: {site.manage('reconcile').strip().splitlines()[-1]}")
    few, many = (plan.ordered + plan.inserted for plan in plans)
    report.target(f"lag p95 with {many:,} in flight, to {few}", value=lags[1] / lags[0], limit=LAG_GROWTH)


def _prepare(site: Deployment) -> None:
    from benchmarks import rows

    fleet.use_upstream_of_fakes()
    if site.has_own_server:
        rows.execute("ALTER SYSTEM SET autovacuum = on")  # as in production: each job is updated often
        rows.execute("SELECT pg_reload_conf()")


def _report_idle(report: Report, machines: Cluster, addresses: dict[str, str]) -> None:
    from benchmarks import rounds

    with rounds.leg(machines, addresses["GOOGLE_GEMINI_BASE_URL"]) as idle:
        time.sleep(IDLE_SECONDS)
    report.table(
        "Without jobs",
        ["kind", "number", "MiB", "CPU ms a second"],
        [[kind, MACHINES.get(kind), machines.peak_mib.get(kind), 1000 * cpu / idle.seconds]
         for kind, cpu in idle.cpu.items()],
    )  # fmt: skip


def _round(report: Report, machines: Cluster, addresses: dict[str, str], plan: Plan) -> float:
    """Fly it, compare all records, and report; returns the lag's 95th percentile."""
    from benchmarks import orders, rounds

    google = addresses["GOOGLE_GEMINI_BASE_URL"]
    before = _totals()
    found = rounds.Round(machines, google, **vars(plan))
    found.fly()
    cloudinary = addresses["CLOUDINARY_URL"].partition("upload_prefix=")[2].partition("&")[0]
    outcome = orders.judge(
        found.ordered_prompts,
        found.inserted_prompts,
        done_at=fleet.call(google, "/__done__"),
        bought=fleet.call(google, "/__works__"),
        files=fleet.call(cloudinary, "/__books__")["files"],
    )
    name = f"{found.in_flight:,} in flight"
    _report_round(report, name, found, outcome)
    _report_machines(report, name, machines)
    _report_rows(report, name, before, found.size)
    return meters.quantile(_measured(found, outcome.seen), 0.95)


def _measured(found: "Round", lags: dict[str, float]) -> list[float]:
    """The lags of the videos that ended while the others were in flight."""
    return [lag for prompt, lag in lags.items() if prompt in found.ended]


def _report_round(report: Report, name: str, found: "Round", outcome: "Outcome") -> None:
    killed = f"killed: {', '.join(found.killed)}" if found.killed else "none killed"
    report.say(
        f"{name}: {found.ordered:,} ordered, {found.inserted:,} inserted; {killed}; {found.repeated} orders sent again."
    )
    shares = (0.5, 0.95, 1.0)
    report.table(
        f"{name}: seconds from the end at the provider",
        ["until", "videos", "p50", "p95", "max"],
        [[what, len(lags), *(meters.quantile(lags, share) for share in shares)]
         for what, lags in (("seen", _measured(found, outcome.seen)), ("SUCCEEDED", _measured(found, outcome.stored)))],
    )  # fmt: skip
    report.table(
        f"{name}: legs",
        ["leg", "s", "polls/s", *(f"by {sweeper}" for sweeper in names_of("sweeper")), "cores", "load"],
        [[leg, made.seconds, made.polls_a_second, *(made.polls[sweeper] for sweeper in names_of("sweeper")),
          sum(made.cpu.values()) / made.seconds, made.load] for leg, made in found.legs.items()],
    )  # fmt: skip
    kinds = list(found.legs["fill"].cpu)
    drained = found.size - len(found.ended)
    units = {"fill": found.ordered, "cruise": found.legs["cruise"].polls.total()}
    units |= {"drain": drained} if drained else {"ends": found.size}
    report.table(
        f"{name}: CPU ms for each",
        ["of", *kinds],
        [[WHAT[leg], *(1000 * found.legs[leg].cpu[kind] / max(count, 1) for kind in kinds)]
         for leg, count in units.items()],
    )  # fmt: skip
    for sentence in (outcome.lost + outcome.doubled)[:5]:
        report.say(sentence)
    report.target("lost", value=len(outcome.lost), limit=0, unit="")
    report.target("doubled", value=len(outcome.doubled), limit=0, unit="")
    submits = sum(killed.startswith("submit") for killed in found.killed)
    most = submits * LOST_WITH_A_SUBMIT
    report.target("unknown and refunded, after the death of a submit", value=outcome.unknown, limit=most, unit="")
    polls = sum((leg.polls for leg in found.legs.values()), Counter[str]())
    share = min(polls[sweeper] for sweeper in names_of("sweeper")) / polls.total()
    report.target(
        "the smaller share of the polls",
        value=share,
        limit=LEAST_SHARE,
        unit="",
        at_least=True,
        judged=polls.total() >= JUDGED_POLLS,
    )


def _report_machines(report: Report, name: str, machines: Cluster) -> None:
    most = {**machines.peak_mib, **{f"connections {where}": n for where, n in machines.peak_connections.items()}}
    report.table(f"{name}: most at once", ["MiB, or number", "most"], [list(one) for one in most.items()])


def _totals() -> dict[str, tuple[int, int]]:
    """Rows and bytes of each table, and the transactions and bytes of WAL so far."""
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"VACUUM {table}")
            cursor.execute(f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}")
            found[table] = cursor.fetchone()
        cursor.execute("SELECT xact_commit, pg_current_wal_lsn() - '0/0' FROM pg_stat_database"
                       " WHERE datname = current_database()")  # fmt: skip
        found["transactions, WAL"] = cursor.fetchone()
    return found


def _report_rows(report: Report, name: str, before: dict[str, tuple[int, int]], jobs: int) -> None:
    now = _totals()
    report.table(
        f"{name}: a finished job leaves",
        ["table", "rows", "bytes"],
        [[table, *(float(new - old) / jobs for new, old in zip(now[table], before[table], strict=True))]
         for table in now],
    )  # fmt: skip
