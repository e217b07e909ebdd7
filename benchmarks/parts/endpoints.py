"""The eight busiest endpoints, in turns with the same product written the plain way, and with the limit.

`benchmarks/reference` has both: `views.py` and `bare.py`.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from benchmarks import load, meters
from benchmarks.database import server_process
from benchmarks.deployment import Deployment, deployment
from benchmarks.differences import first_difference, lasting, without_ports
from benchmarks.load import Shot, shot
from benchmarks.report import Report

CLIENTS = 8  # connections at once, kept alive
JOBS = "/api/v1/video-jobs"
OWN_JOBS = 10_000  # of the account that reads
LOOKS, VIDEOS_A_LOOK, PRODUCTS_A_LOOK = 500, 5, 3
FORM = {"mockMode": "true", "prompt": "A red dress in the wind", "resolution": "720p", "aspectRatio": "16:9"}
WARMING = 48  # requests before anything is measured
SIDES = ("product", "plain", "bare")
LAST_PAGE_FACTOR = 1.5  # of the first page's cost, at most
BUSY = 0.8  # a client above this share of its core may be the bottleneck


@dataclass
class Scenario:
    """One endpoint: its requests, and the target as a multiple of the plain way's rate."""

    name: str
    factor: float  # 0 where the plain way has no such endpoint
    share: float  # of the limit: its CPU by the product's, web and database together
    shots: Sequence[Shot]
    is_used_up: bool = False  # each shot can be fired once, until slots are freed
    once: Iterator[Shot] | None = None  # in place of `shots`: each can be fired once
    rates: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})
    cpu: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})
    database_cpu: dict[str, list[float]] = field(default_factory=lambda: {side: [] for side in SIDES})

    @property
    def sides(self) -> tuple[str, ...]:
        """Those that have the endpoint."""
        return SIDES if self.factor else ("product", "bare")


def run(report: Report) -> None:
    """Seed, compare the responses, then measure."""
    others, rounds, seconds, creators = (90_000, 5, 2.5, 400) if report.full else (2_000, 3, 0.7, 60)
    with deployment() as site:
        core, _ = site.give_services_a_core()
        scenarios = _seed(others=others, creators=creators, rounds=rounds)
        site.start_web("product", workers=1, core=core)
        site.start_web("bare", workers=1, core=core, application="benchmarks.reference.bare:application")
        site.start_web("plain", workers=1, core=core, DJANGO_SETTINGS_MODULE="benchmarks.reference.settings")
        report.target(
            "endpoints with responses that differ", value=_differences(site, scenarios, report), limit=0, unit=""
        )
        busiest = _measure(site, scenarios, rounds=rounds, seconds=seconds)
    _report(report, scenarios, busiest, jobs=OWN_JOBS + others)


def _seed(*, others: int, creators: int, rounds: int) -> list[Scenario]:
    from benchmarks import rows

    ann, neighbours = rows.user("ann"), rows.users("neighbour", 90)
    rows.copy_jobs(template := rows.finished_job(ann), (1, OWN_JOBS))
    rows.copy_jobs(template, (OWN_JOBS + 1, OWN_JOBS + others), owner_id=rows.among(neighbours))
    _seed_lines(template)
    _seed_looks(ann, neighbours[0], template)
    deletions = _seed_deletions(template, 12_000 if creators > 100 else 2_000)
    template.delete()
    makers = [rows.access_token(user) for user in rows.users("maker", creators)]
    rows.settle()
    token = rows.access_token(ann)
    looks = [rows.key_of("look", number) for number in range(1, LOOKS + 1, 5)]
    jobs = [rows.key_of("job", number) for number in range(1, OWN_JOBS, OWN_JOBS // 100)]
    defaults = [
        (rows.key_of("job", 4 * ((look - 1) * VIDEOS_A_LOOK + place)), rows.key_of("look", look))
        for look in range(1, LOOKS + 1, 5)
        for place in (1, 2)
    ]
    body, kind = load.form(FORM)
    create = [shot("POST", JOBS, token=maker, body=body, content_type=kind, status=202) for maker in makers * 3]

    def get(path: str) -> Shot:
        return shot("GET", path, token=token)

    return [
        Scenario("list, page 1", 3.35, 0.45, [get(JOBS)]),
        Scenario("list, last page", 5.3, 0.45, [get(f"{JOBS}?skip={OWN_JOBS - 20}&limit=20")]),
        Scenario("one job", 3.3, 0.45, [get(f"{JOBS}/{pk}") for pk in jobs]),
        Scenario("one look", 2.95, 0.45, [get(f"/api/v1/looks/{pk}") for pk in looks]),
        Scenario("list of looks", 2.74, 0.45, [get("/api/v1/looks")]),
        Scenario(
            "set default",
            2.4,
            0.5,
            [shot("PATCH", f"{JOBS}/{job}/set-default-for-look/{look}", token=token) for job, look in defaults],
        ),
        Scenario("create, multipart", 2.0, 0.4, create, is_used_up=True),
        Scenario("delete", 0, 0.4, deletions[:1], once=iter(deletions)),
    ]


def _seed_deletions(template: Any, count: int) -> list[Shot]:
    """Requests that delete a job each, of some users with many."""
    from benchmarks import rows

    owners = rows.users("deleter", 20)
    rows.copy_jobs(template, (1, count), kind="gone", owner_id=rows.among(owners))
    tokens = [rows.access_token(owner) for owner in owners]
    ids = rows.keys("gone", count)
    return [
        shot("DELETE", f"{JOBS}/{job}", token=tokens[number % len(owners)], status=204)
        for number, job in enumerate(ids, 1)
    ]


def _seed_lines(template: Any) -> None:
    """Four timeline entries for each of the reader's jobs."""
    from benchmarks import rows
    from videos.models import JobLog

    messages = ("accepted and waits for its turn", "accepted by the service", "made; storing it", "ready")
    for place, words in enumerate(messages):
        line = JobLog.objects.create(job=template, level="info", message=f"The video is {words}.")
        moment = f"now() - interval '1 minute' * n + interval '{10 * place} seconds'"
        rows.copy(line, (1, OWN_JOBS), id=rows.key(f"line {place} "), job_id=rows.key("job"), timestamp=moment)


def _seed_looks(owner: Any, reader: Any, template: Any) -> None:
    """Looks with products and videos; every fourth of the owner's jobs is linked to one, every fifth look is shared."""
    from benchmarks import rows
    from looks.models import Look, LookShare, LookVideo, Product

    look = Look.objects.create(
        owner=owner, title="Stone Essence", notes="Linen", image="looks/a.png", thumbnail="looks/b.png"
    )
    moment = "now() - interval '1 hour' * n"
    title = "'Stone Essence ' || n"
    visibility = "CASE WHEN n % 5 = 0 THEN 'shared' ELSE 'private' END"
    rows.copy(look, (1, LOOKS), id=rows.key("look"), title=title, created_at=moment, visibility=visibility)
    product = Product.objects.create(
        look=look, position=0, name="Coat", sku="A-1", designer="Ann", price="120.00", currency="EUR",
        product_url="https://shop.example.com/coat", thumbnail="looks/c.png",
    )  # fmt: skip
    numbers = (1, LOOKS * PRODUCTS_A_LOOK)
    of_look = rows.key("look", f"(n - 1) / {PRODUCTS_A_LOOK} + 1")
    rows.copy(product, numbers, id=rows.key("product"), look_id=of_look, position=f"(n - 1) % {PRODUCTS_A_LOOK}")
    link = LookVideo.objects.create(look=look, video=template)
    of_look, of_job = rows.key("look", f"(n - 1) / {VIDEOS_A_LOOK} + 1"), rows.key("job", "4 * n")
    columns = {"id": rows.key("link"), "look_id": of_look, "video_id": of_job, "is_default": f"n % {VIDEOS_A_LOOK} = 1"}
    rows.copy(link, (1, min(LOOKS * VIDEOS_A_LOOK, OWN_JOBS // 4)), **columns)
    share = LookShare.objects.create(look=look, user=reader)
    rows.copy(share, (1, LOOKS // 5), id=rows.key("share"), look_id=rows.key("look", "5 * n"))
    look.delete()


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
    database = server_process(site.environment["DATABASE_URL"])
    for scenario in scenarios:
        for side in scenario.sides:
            _warm_up(site, side, scenario)
        for number in range(rounds):
            for side in scenario.sides if number % 2 else reversed(scenario.sides):
                server = [site.processes[side].pid]
                before = meters.cpu_seconds(server), meters.cpu_seconds([database] if database else [])
                volley = _fire(site, side, scenario, seconds=seconds)
                after = meters.cpu_seconds(server), meters.cpu_seconds([database] if database else [])
                scenario.rates[side].append(volley.count / volley.seconds)
                scenario.cpu[side].append(1000 * (after[0] - before[0]) / volley.count)
                scenario.database_cpu[side].append(1000 * (after[1] - before[1]) / volley.count)
                busiest = max(busiest, volley.client_cpu / volley.seconds)
    return busiest


def _fire(site: Deployment, side: str, scenario: Scenario, *, seconds: float) -> load.Volley:
    shots = scenario.once or (iter(scenario.shots) if scenario.is_used_up else itertools.cycle(scenario.shots))
    volley = load.fire(shots, port=site.ports[side], clients=CLIENTS, seconds=seconds)
    if scenario.is_used_up:
        _free_slots(site)
    return volley


def _warm_up(site: Deployment, side: str, scenario: Scenario) -> None:
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
    rows = []
    for scenario in scenarios:
        for side in scenario.sides:
            rates = scenario.rates[side]
            rows.append(
                [scenario.name, side, round(meters.median(rates)), meters.spread(rates), _median(scenario.cpu[side]),
                 _median(scenario.database_cpu[side])]
            )  # fmt: skip
    report.table(
        "Requests a second", ["endpoint", "side", "requests/s", "spread", "CPU ms/request", "database CPU ms"], rows
    )
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
            f"{scenario.name}, share of the limit", value=_share(scenario), limit=scenario.share, unit="", at_least=True
        )
    first, last = (meters.median(scenario.cpu["product"]) for scenario in scenarios[:2])
    report.target("last page's CPU to the first one's", value=last / first, limit=LAST_PAGE_FACTOR)
    busy = "may be the limit" if busiest > BUSY else "is not the limit"
    report.say(
        f"The client used at most {100 * busiest:.0f} % of its core, so it {busy}; it shares it with the database."
    )


def _share(scenario: Scenario) -> float:
    """The CPU of the limit by that of the product, web and database together."""
    both = {
        side: [web + database for web, database in zip(scenario.cpu[side], scenario.database_cpu[side], strict=True)]
        for side in ("bare", "product")
    }
    return meters.median([bare / mine for bare, mine in zip(both["bare"], both["product"], strict=True)])


def _ratios(scenario: Scenario) -> tuple[float, float]:
    """How many times as many requests a second, and as little CPU."""
    rates = [mine / plain for mine, plain in zip(scenario.rates["product"], scenario.rates["plain"], strict=True)]
    cpu = [plain / mine for mine, plain in zip(scenario.cpu["product"], scenario.cpu["plain"], strict=True)]
    return meters.median(rates), meters.median(cpu)


def _median(values: Sequence[float]) -> float:
    return round(meters.median(values), 2)
