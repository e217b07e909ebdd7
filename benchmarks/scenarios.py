"""The eight busiest endpoints: their rows, their requests, and their targets."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import load
from benchmarks.load import Shot, shot

JOBS = "/api/v1/video-jobs"
OWN_JOBS = 10_000  # of the account that reads
LOOKS, VIDEOS_A_LOOK, PRODUCTS_A_LOOK = 500, 5, 3
FORM = {"mockMode": "true", "prompt": "A red dress in the wind", "resolution": "720p", "aspectRatio": "16:9"}
SIDES = ("product", "plain", "bare")


@dataclass(frozen=True)
class Taken:
    """What a volley at one side took."""

    rate: float  # requests a second
    cpu_ms: float  # of the web process, a request
    database_cpu_ms: float
    client_share: float  # of a core

    @property
    def both_cpu_ms(self) -> float:
        """Of web and database together."""
        return self.cpu_ms + self.database_cpu_ms


@dataclass
class Scenario:
    """One endpoint: its requests, the targets (a multiple of the plain way's rate, a share), and what it took."""

    name: str
    factor: float  # 0 where the plain way has no such endpoint
    share: float  # of the limit: its CPU by the product's, web and database together
    shots: Sequence[Shot]
    is_used_up: bool = False  # each shot can be fired once, until slots are freed
    once: Iterator[Shot] | None = None  # in place of `shots`: each can be fired once
    taken: defaultdict[str, list[Taken]] = field(default_factory=lambda: defaultdict(list))  # by side, a volley each

    @property
    def sides(self) -> tuple[str, ...]:
        """Those that have the endpoint."""
        return SIDES if self.factor else ("product", "bare")


def seed(*, others: int, creators: int) -> list[Scenario]:
    """Make the rows, with so many jobs of others, and `creators` accounts that order jobs."""
    from benchmarks import rows

    ann, neighbours = rows.user("ann"), rows.users("neighbour", 90)
    rows.copy_jobs(template := rows.finished_job(ann), (1, OWN_JOBS))
    rows.copy_jobs(template, (OWN_JOBS + 1, OWN_JOBS + others), owner_id=rows.among(neighbours))
    _seed_lines(template)
    _seed_looks(ann, neighbours[0], template)
    deletions = _seed_deletions(template, 40_000 if creators > 100 else 8_000)
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
            3.5,
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
