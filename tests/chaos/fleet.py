"""A whole deployment to be ill-treated: databases, vendors, processes, and people who order videos from it."""

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
from tests.chaos.processes import Processes, wait_until
from tests.chaos.vendors import Cloudinary, Google, Traps
from tests.fakes.google_account import video_of_length

JOBS = "/api/v1/video-jobs"
SECONDS = 4  # of a video
SIGNED_IN = -600  # seconds ago; a site whose clock is slow refuses tokens that to it come from the future
START_TOKENS = 1_000_000
TERMINAL = ("succeeded", "failed")
# What goes from the database with a safeguard (tests.chaos.hooks.mutations).
DROPPED = {"repeated-entries": "DROP INDEX one_entry_a_job_and_kind"}
PATIENCE_SECONDS = 45  # for a job to end; the longest way is some leases and back-offs


@dataclass
class Job:
    """What somebody ordered; the prompt is its name in the books of the vendors."""

    person: "Person"
    prompt: str
    id: str = ""
    is_deleted: bool = False


@dataclass
class Person:
    """Somebody with three slots."""

    id: str
    client: httpx.Client
    jobs: list[Job] = field(default_factory=list)


class Fleet:
    """A context manager; everything is gone after it. `people` take turns."""

    def __init__(
        self,
        *,
        kind: str,
        people: int = 8,
        mutation: str = "",
        policy: str = "unstarted",
        schedule: Any = None,
        patience_seconds: float = PATIENCE_SECONDS,
        project: Path = PROJECT,
    ) -> None:
        self.kind, self._people_count, self._mutation = kind, people, mutation
        self.policy = policy
        self._patience_seconds = patience_seconds
        self._project = project
        self._schedule: dict[str, Any] = schedule or {}
        self.jobs: list[Job] = []
        self.traps = Traps()
        self.url = f"http://127.0.0.1:{free_port()}"

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
        video_of_length(SECONDS)  # kept; else the first looks would all make it at once
        self.google = self._exit.enter_context(Google(traps=self.traps, work_seconds=0.2))
        self.cloudinary = self._exit.enter_context(Cloudinary(traps=self.traps))
        self.processes = Processes(self.folder, self.environment(), project=self._project)
        self._exit.callback(self.processes.stop)
        self._prepare_rows()
        for name in ("web", "submit", "media", "sweeper"):
            self.processes.start(name)
        wait_until(self.answers, seconds=30, what="an answer of the site")

    def environment(self) -> dict[str, str]:
        """The settings of every process."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        return inherited | {
            "ENVIRONMENT": "development",
            "DATA_DIR": str(self.folder / "data"),
            "PORT": self.url.rpartition(":")[2],
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
            people={"count": self._people_count, "tokens": START_TOKENS}, clock=SIGNED_IN
        )
        assert status == 0, output
        self.people = [self._person(**made) for made in json.loads(output.splitlines()[-1])]
        self._turns = itertools.cycle(self.people)

    def _person(self, *, id: str, access: str) -> Person:  # noqa: A002 - the product's word
        client = httpx.Client(base_url=self.url, timeout=30, headers={"Authorization": f"Bearer {access}"})
        self._exit.callback(client.close)
        return Person(id, client)

    def answers(self) -> bool:
        """Whether the site does."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    # -- what people do

    def create(self, *, count: int = 1, with_picture: bool = False) -> list[Job]:
        """Order videos, up to three a person. Whatever happens to the site, an order is repeated until it is taken."""
        made: list[Job] = []
        while len(made) < count:
            person = next(self._turns)
            wait_until(partial(self._is_idle, person), seconds=PATIENCE_SECONDS, what="free slots")
            for _ in range(min(3, count - len(made))):
                made.append(self.order(person, with_picture=with_picture))
        return made

    def _is_idle(self, person: Person) -> bool:
        return self.are_in([job for job in person.jobs if not job.is_deleted], *TERMINAL)

    def order(self, person: Person, *, with_picture: bool = False) -> Job:
        """One video."""
        job, request = self.draft(person, with_picture=with_picture)
        self.place(job, lambda: person.client.send(request))
        return job

    def draft(self, person: Person, *, with_picture: bool = False) -> tuple[Job, httpx.Request]:
        """What will be ordered, and how."""
        job = Job(person, f"chaos {uuid.uuid4().hex}")
        self.jobs.append(job)
        person.jobs.append(job)
        form = {
            "prompt": job.prompt,
            "model": "veo-3.1-generate-preview",
            "durationSeconds": str(SECONDS),
            "generateAudio": "true",
            "mockMode": "false",
        }
        files = {"initialImage": ("look.png", PICTURE, "image/png")} if with_picture else None
        headers = {"Idempotency-Key": job.prompt}
        return job, person.client.build_request("POST", JOBS, data=form, files=files, headers=headers)

    def place(self, job: Job, send: Callable[[], httpx.Response]) -> None:
        """Order it for good."""
        answer = self.insist(send)
        assert answer.status_code == 202, answer.text
        job.id = answer.json()["id"]

    def delete(self, job: Job) -> None:
        """Delete a job; one that is gone was deleted by a try whose answer was lost."""
        job.is_deleted = True
        answer = self.insist(lambda: job.person.client.delete(f"{JOBS}/{job.id}"))
        assert answer.status_code in {204, 404}, answer.text

    def insist(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Send a request until it is answered by the product itself."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = send()
                if answer.status_code < 500:
                    return answer
            if time.monotonic() > deadline:
                raise TimeoutError("a request is not answered")
            time.sleep(0.1)

    # -- what the rows say

    def rows(self, jobs: Iterable[Job]) -> dict[str, Row]:
        """The rows of these jobs, by prompt."""
        prompts = {job.prompt for job in jobs}
        rows = self.database.rows("SELECT * FROM videos_videojob")
        return {row["prompt"]: row for row in rows if row["prompt"] in prompts}

    def are_in(self, jobs: Iterable[Job], *phases: str) -> bool:
        """Whether all of them that are still there are in one of the phases."""
        prompts = {job.prompt for job in jobs}
        rows = self.database.rows("SELECT prompt, phase FROM videos_videojob")
        return all(row["phase"] in phases for row in rows if row["prompt"] in prompts)

    def finish(self, jobs: Iterable[Job], *, seconds: float = 0) -> bool:
        """Wait until all are finished; whether they are."""
        with contextlib.suppress(TimeoutError):
            wait_until(
                lambda: self.are_in(jobs, *TERMINAL), seconds=seconds or self._patience_seconds, what="ends", every=0.05
            )
            return True
        return False

    # -- what goes wrong

    def arm(self, point: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to whoever comes to this statement, once."""
        (self.folder / "fired").unlink(missing_ok=True)
        draft = self.folder / "draft"
        draft.write_text(f"{point}\n{int(number)}")
        draft.rename(self.folder / "armed")

    def disarm(self) -> bool:
        """Whether somebody came."""
        (self.folder / "armed").unlink(missing_ok=True)
        return self.has_fired

    @property
    def has_fired(self) -> bool:
        """Whether somebody came to the statement."""
        return (self.folder / "fired").exists()

    @contextlib.contextmanager
    def traced(self) -> Iterator[list[str]]:
        """Collects the statements of every step that is taken meanwhile."""
        path, points = self.folder / "trace", list[str]()
        path.touch()
        yield points
        points += dict.fromkeys(path.read_text().splitlines())
        path.unlink()

    @contextlib.contextmanager
    def queues(self) -> Iterator[dict[str, Queue]]:
        """The hints, as RQ keeps them."""
        with redis.Redis.from_url(self.valkey.url) as connection:
            yield {name: Queue(name, connection=connection) for name in ("submit", "media")}

    def hint(self, step: str, job: Job, *, times: int) -> None:
        """Send a step's hint once more, or several times."""
        with self.queues() as queues, contextlib.suppress(redis.RedisError):
            for _ in range(times):
                name = {"submit": "submit", "transfer": "media"}[step]
                queues[name].enqueue(f"videos.tasks.{step}", job.id, result_ttl=0, failure_ttl=60)

    def lose_hints(self) -> None:
        """Empty the queues."""
        with self.queues() as queues:
            for queue in queues.values():
                queue.empty()


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "PNG")
    return file.getvalue()


PICTURE = _picture()
