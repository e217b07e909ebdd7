"""A whole deployment to disturb: database, vendors, processes, and customers who create videos."""

import contextlib
import io
import itertools
import json
import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import redis
from PIL import Image
from rq import Queue

from operations.local.valkey import Valkey, free_port
from studio.env import PROJECT
from tests.chaos import catalogue
from tests.chaos.database import KINDS, Database, Row
from tests.chaos.hooks.tempo import PROVIDER_SECONDS
from tests.chaos.listener import Listener
from tests.chaos.processes import Processes, wait_until
from tests.chaos.receiver import Receiver
from tests.chaos.vendors import Cloudinary, Google, Traps
from tests.fakes.google_account import video_of_length

JOBS = "/api/v1/video-jobs"
SECONDS = 4  # of a video
SIGNED_IN = -600  # seconds ago; a web process whose clock is slow refuses tokens from its future
START_TOKENS = 1_000_000
TERMINAL = ("succeeded", "failed")
# What a mutation removes from the database (tests.chaos.hooks.mutations).
DROPPED = {"repeated-entries": "DROP INDEX one_entry_a_job_and_kind"}
PATIENCE_SECONDS = 45  # for a job to end; the longest way is some leases and back-offs


@dataclass
class Job:
    """A video that a customer ordered; the prompt identifies it in the vendors' records."""

    customer: "Customer"
    prompt: str
    id: str = ""
    is_deleted: bool = False


@dataclass
class Customer:
    """A user of the API, with three slots."""

    id: str
    client: httpx.Client
    jobs: list[Job] = field(default_factory=list)


class Fleet:
    """A context manager that leaves nothing behind. Customers take turns."""

    def __init__(
        self,
        *,
        kind: str,
        customers: int = 8,
        mutation: str = "",
        policy: str = "unstarted",
        schedule: Any = None,
        patience_seconds: float = PATIENCE_SECONDS,
        webhooks: bool = False,
        project: Path = PROJECT,
    ) -> None:
        self.kind, self._customer_count, self._mutation = kind, customers, mutation
        self.policy, self._project, self._has_webhooks = policy, project, webhooks
        self._patience_seconds, self._schedule = patience_seconds, dict(schedule or {})
        self.jobs: list[Job] = []
        self.traps = Traps()
        self.url, self.live_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))

    def __enter__(self) -> Self:
        self._exit = contextlib.ExitStack()
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit.close()

    def _start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="studio-chaos-"))
        self.folder.chmod(0o755)  # PostgreSQL has a user of its own where we are root
        self._exit.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.valkey = Valkey(folder=self.folder / "valkey")
        self.valkey.start()
        self._exit.callback(self.valkey.stop)
        (self.folder / "data").mkdir()
        self.database: Database = KINDS[self.kind](self.folder / "data")
        self._exit.callback(self.database.stop)
        video_of_length(SECONDS)  # kept; otherwise the first polls would all make it at once
        self.google = self._exit.enter_context(Google(traps=self.traps, work_seconds=0.2))
        self.cloudinary = self._exit.enter_context(Cloudinary(traps=self.traps))
        self.processes = Processes(self.folder, self.environment(), project=self._project)
        self._exit.callback(self.processes.stop)
        self._prepare_rows()
        for name in ("web", "submit", "media", "sweeper"):
            self.processes.start(name)
        wait_until(self.responds, seconds=30, what="a response of the web process")
        if self._has_webhooks:
            self.processes.start("webhooks")
            self.receiver = self._exit.enter_context(Receiver())
            self.receiver.subscribe(self.customers)
        self.listener = Listener(self.database, project=self._project)
        self.listener.start()
        self._exit.callback(self.listener.stop)

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        return inherited | {
            "ENVIRONMENT": "development",
            "DATA_DIR": str(self.folder / "data"),
            "PORT": self.url.rpartition(":")[2],
            "LIVE_PORT": self.live_url.rpartition(":")[2],
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.valkey.url,
            "GEMINI_API_KEY": "fake-key",
            "GOOGLE_GEMINI_BASE_URL": self.google.url,
            "CLOUDINARY_URL": self.cloudinary.cloudinary_url,
            "CLOUDINARY_FOLDER": "chaos",
            "PROVIDER_TIMEOUT_SECONDS": str(PROVIDER_SECONDS),
            "REFUND_POLICY": self.policy,
            "ACCESS_MINUTES": "600",
            "BASE_PATH": "",
            "WEBHOOK_ALLOW_PRIVATE": "true",  # the receiver is on this machine
            "MUTATION": self._mutation,
            "CHAOS_SCHEDULE": json.dumps(self._schedule),
        }

    def _prepare_rows(self) -> None:
        status, output = self.processes.run(argv=["manage.py", "migrate", "-v", "0"])
        assert status == 0, output
        catalogue.use_one_upstream(self.database)
        if statement := DROPPED.get(self._mutation):
            self.database.execute(statement)
        status, output = self.processes.run(
            people={"count": self._customer_count, "tokens": START_TOKENS}, clock=SIGNED_IN
        )
        assert status == 0, output
        self.customers = [self._customer(**made) for made in json.loads(output.splitlines()[-1])]
        self._turns = itertools.cycle(self.customers)

    def _customer(self, *, id: str, access: str) -> Customer:  # noqa: A002 - the product's word
        client = httpx.Client(base_url=self.url, timeout=30, headers={"Authorization": f"Bearer {access}"})
        self._exit.callback(client.close)
        return Customer(id, client)

    def responds(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    # -- what customers do

    def create(self, *, count: int = 1, with_picture: bool = False) -> list[Job]:
        """Order videos, up to three a customer. Each order is repeated until the API accepts it."""
        made: list[Job] = []
        while len(made) < count:
            customer = next(self._turns)
            wait_until(partial(self._is_idle, customer), seconds=PATIENCE_SECONDS, what="free slots")
            made += [self.order(customer, with_picture=with_picture) for _ in range(min(3, count - len(made)))]
        return made

    def _is_idle(self, customer: Customer) -> bool:
        return self.are_in([job for job in customer.jobs if not job.is_deleted], *TERMINAL)

    def order(self, customer: Customer, *, with_picture: bool = False) -> Job:
        job, request = self.draft(customer, with_picture=with_picture)
        self.place(job, lambda: customer.client.send(request))
        return job

    def draft(self, customer: Customer, *, with_picture: bool = False) -> tuple[Job, httpx.Request]:
        """The job to be ordered and the request for it."""
        job = Job(customer, f"chaos {uuid.uuid4().hex}")
        self.jobs.append(job)
        customer.jobs.append(job)
        form = {
            "prompt": job.prompt,
            "model": "veo-3.1-generate-preview",
            "durationSeconds": str(SECONDS),
            "generateAudio": "true",
            "mockMode": "false",
        }
        files = {"initialImage": ("look.png", PICTURE, "image/png")} if with_picture else None
        headers = {"Idempotency-Key": job.prompt}
        return job, customer.client.build_request("POST", JOBS, data=form, files=files, headers=headers)

    def place(self, job: Job, send: Callable[[], httpx.Response]) -> None:
        """Send the order until it is accepted."""
        response = self.insist(send)
        assert response.status_code == 202, response.text
        job.id = response.json()["id"]

    def delete(self, job: Job) -> None:
        """Delete a job. 404: an earlier attempt deleted it, and its response was lost."""
        job.is_deleted = True
        response = self.insist(lambda: job.customer.client.delete(f"{JOBS}/{job.id}"))
        assert response.status_code in {204, 404}, response.text

    def insist(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Send a request until the product itself responds (below 500). Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                response = send()
                if response.status_code < 500:
                    return response
            if time.monotonic() > deadline:
                raise TimeoutError("a request got no response")
            time.sleep(0.1)

    # -- what the rows say

    def rows(self, jobs: Iterable[Job]) -> dict[str, Row]:
        """The rows of these jobs, by prompt."""
        prompts = {job.prompt for job in jobs}
        rows = self.database.rows("SELECT * FROM videos_videojob")
        return {row["prompt"]: row for row in rows if row["prompt"] in prompts}

    def are_in(self, jobs: Iterable[Job], *phases: str) -> bool:
        """Whether all of these jobs that still exist are in one of the phases."""
        prompts = {job.prompt for job in jobs}
        rows = self.database.rows("SELECT prompt, phase FROM videos_videojob")
        return all(row["phase"] in phases for row in rows if row["prompt"] in prompts)

    def finish(self, jobs: Iterable[Job], *, seconds: float = 0) -> bool:
        """Wait until all are finished; False if they are not in time."""
        with contextlib.suppress(TimeoutError):
            wait_until(
                lambda: self.are_in(jobs, *TERMINAL), seconds=seconds or self._patience_seconds, what="ends", every=0.05
            )
            return True
        return False

    # -- what goes wrong

    def arm(self, point: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, once, to the process that reaches this statement."""
        (self.folder / "fired").unlink(missing_ok=True)
        draft = self.folder / "draft"
        draft.write_text(f"{point}\n{int(number)}")
        draft.rename(self.folder / "armed")

    def disarm(self) -> bool:
        """Whether a process had reached the statement."""
        (self.folder / "armed").unlink(missing_ok=True)
        return self.has_fired

    @property
    def has_fired(self) -> bool:
        return (self.folder / "fired").exists()

    @contextlib.contextmanager
    def traced(self) -> Iterator[list[str]]:
        """Collects the statements of all steps during the block."""
        path, points = self.folder / "trace", list[str]()
        path.touch()
        yield points
        points += dict.fromkeys(path.read_text().splitlines())
        path.unlink()

    @contextlib.contextmanager
    def queues(self) -> Iterator[dict[str, Queue]]:
        """The RQ queues of hints."""
        with redis.Redis.from_url(self.valkey.url) as connection:
            yield {name: Queue(name, connection=connection) for name in ("submit", "media", "webhooks")}

    def hint(self, step: str, job: Job, *, times: int) -> None:
        with self.queues() as queues, contextlib.suppress(redis.RedisError):
            for _ in range(times):
                name = {"submit": "submit", "transfer": "media"}[step]
                queues[name].enqueue(f"videos.tasks.{step}", job.id, result_ttl=0, failure_ttl=60)

    def lose_hints(self) -> None:
        with self.queues() as queues:
            for queue in queues.values():
                queue.empty()


_file = io.BytesIO()
Image.new("RGB", (64, 64), "red").save(_file, "PNG")
PICTURE = _file.getvalue()
