"""The eight busiest endpoints, in turns with the same product written the plain way, and with the limit.

`benchmarks/reference` has both: `views.py` and `bare.py`.
"""

import itertools
from collections.abc import Sequence

import redis

from benchmarks import load, meters
from benchmarks.database import server_process
from benchmarks.deployment import Deployment, deployment
from benchmarks.differences import first_difference, lasting, without_ports
from benchmarks.report import Report
from benchmarks.scenarios import OWN_JOBS, SIDES, Scenario, Taken, seed

CLIENTS = 8  # connections at once, kept alive
WARMING = 48  # requests before anything is measured
LAST_PAGE_FACTOR = 1.5  # of the first page's cost, at most
BUSY = 0.8  # a client above this share of its core may be the bottleneck


def run(report: Report) -> None:
    """Seed, compare the responses, then measure."""
    others, rounds, seconds, creators = (90_000, 5, 2.5, 400) if report.full else (2_000, 3, 0.7, 60)
    with deployment() as site:
        core, _ = site.give_services_a_core()
        scenarios = seed(others=others, creators=creators)
        site.start_web("product", workers=1, core=core)
        site.start_web("bare", workers=1, core=core, application="benchmarks.reference.bare:application")
        site.start_web("plain", workers=1, core=core, DJANGO_SETTINGS_MODULE="benchmarks.reference.settings")
        report.target(
            "endpoints with responses that differ", value=_differences(site, scenarios, report), limit=0, unit=""
        )
        busiest = _measure(site, scenarios, rounds=rounds, seconds=seconds)
    _report(report, scenarios, busiest, jobs=OWN_JOBS + others)


def _differences(site: Deployment, scenarios: Sequence[Scenario], report: Report) -> int:
    """How many endpoints differ between the two sides, field by field."""
    wrong = 0
    for scenario in scenarios:
        if not scenario.factor:
            continue
        one = scenario.shots[0]
        bodies = {side: without_ports(load.ask_json(one, port=site.ports[side]), site) for side in SIDES[:2]}
        if scenario.is_used_up:
            _free_slots(site)
            bodies = {side: lasting(body) for side, body in bodies.items()}
        if bodies["product"] != bodies["plain"]:
            wrong += 1
            report.say(f"{scenario.name} differs: {first_difference(bodies['product'], bodies['plain'])}")
    return wrong


def _measure(site: Deployment, scenarios: Sequence[Scenario], *, rounds: int, seconds: float) -> float:
    """Fire at both sides in turns. Returns the highest share of its core that the client took."""
    busiest = 0.0
    for scenario in scenarios:
        for side in scenario.sides:
            warm_up(site, side, scenario)
        for number in range(rounds):
            for side in scenario.sides if number % 2 else reversed(scenario.sides):
                busiest = max(busiest, take(site, side, scenario, seconds=seconds).client_share)
    return busiest


def take(site: Deployment, side: str, scenario: Scenario, *, seconds: float) -> Taken:
    """Fire at one side for so long, and keep in the scenario what it took."""
    server, database = [site.processes[side].pid], server_process(site.environment["DATABASE_URL"])
    before = meters.cpu_seconds(server), meters.cpu_seconds([database] if database else [])
    volley = _fire(site, side, scenario, seconds=seconds)
    after = meters.cpu_seconds(server), meters.cpu_seconds([database] if database else [])
    taken = Taken(
        rate=volley.count / volley.seconds,
        cpu_ms=1000 * (after[0] - before[0]) / volley.count,
        database_cpu_ms=1000 * (after[1] - before[1]) / volley.count,
        client_share=volley.client_cpu / volley.seconds,
    )
    scenario.taken[side].append(taken)
    return taken


def _fire(site: Deployment, side: str, scenario: Scenario, *, seconds: float) -> load.Volley:
    shots = scenario.once or (iter(scenario.shots) if scenario.is_used_up else itertools.cycle(scenario.shots))
    volley = load.fire(shots, port=site.ports[side], clients=CLIENTS, seconds=seconds)
    if scenario.is_used_up:
        _free_slots(site)
    return volley


def warm_up(site: Deployment, side: str, scenario: Scenario) -> None:
    """The first requests import modules, and connect each thread to the database."""
    shots = itertools.islice(scenario.once or itertools.cycle(scenario.shots), WARMING)
    load.fire(shots, port=site.ports[side], clients=CLIENTS)
    if scenario.is_used_up:
        _free_slots(site)


def _free_slots(site: Deployment) -> None:
    """End the created jobs and delete their hints: no worker runs here."""
    from benchmarks import rows

    rows.execute(
        "UPDATE videos_videojob SET phase = 'failed', slot = NULL, due_at = NULL, completed_at = now(),"
        " error_code = 'generation_failed' WHERE slot IS NOT NULL"
    )
    with redis.Redis.from_url(site.valkey.url) as connection:
        connection.flushall()


def _report(report: Report, scenarios: Sequence[Scenario], busiest: float, *, jobs: int) -> None:
    report.say(
        f"PostgreSQL, {jobs:,} jobs, {OWN_JOBS:,} of them the reader's; {CLIENTS} connections, one core, one process."
    )
    report_rates(report, scenarios)
    ratios = {scenario.name: _ratios(scenario) for scenario in scenarios if scenario.factor}
    report.table(
        "Product to plain",
        ["endpoint", "requests/s", "CPU"],
        [[name, f"{rate:.2f}×", f"{cpu:.2f}×"] for name, (rate, cpu) in ratios.items()],
    )
    for scenario in scenarios:
        if scenario.factor:
            report.target(scenario.name, value=ratios[scenario.name][0], limit=scenario.factor, at_least=True)
    for scenario in scenarios:
        report.target(
            f"{scenario.name}, share of the limit",
            value=ratio(scenario, "bare", "product", "both_cpu_ms"),
            limit=scenario.share,
            unit="",
            at_least=True,
        )
    first, last = (median_of(scenario.taken["product"], "cpu_ms") for scenario in scenarios[:2])
    report.target("last page's CPU to the first one's", value=last / first, limit=LAST_PAGE_FACTOR)
    busy = "may be the limit" if busiest > BUSY else "is not the limit"
    report.say(
        f"The client used at most {100 * busiest:.0f} % of its core, so it {busy}; it shares it with the database."
    )


def report_rates(report: Report, scenarios: Sequence[Scenario]) -> None:
    """A table of what each endpoint took on each side."""
    rows = []
    for scenario in scenarios:
        for side, taken in scenario.taken.items():
            rates = [one.rate for one in taken]
            cpu, database_cpu = median_of(taken, "cpu_ms"), median_of(taken, "database_cpu_ms")
            rows.append([scenario.name, side, round(meters.median(rates)), meters.spread(rates),
                         round(cpu, 2), round(database_cpu, 2)])  # fmt: skip
    header = ["endpoint", "side", "requests/s", "spread", "CPU ms/request", "database CPU ms"]
    report.table("Requests a second", header, rows)


def median_of(taken: Sequence[Taken], name: str) -> float:
    """The median of this figure."""
    return meters.median([getattr(one, name) for one in taken])


def ratio(scenario: Scenario, side: str, to: str, name: str) -> float:
    """The median of this figure's ratio between two sides, round by round."""
    pairs = zip(scenario.taken[side], scenario.taken[to], strict=True)
    return meters.median([getattr(one, name) / getattr(other, name) for one, other in pairs])


def _ratios(scenario: Scenario) -> tuple[float, float]:
    """How many times as many requests a second as the plain way, and as little CPU."""
    return ratio(scenario, "product", "plain", "rate"), ratio(scenario, "plain", "product", "cpu_ms")
