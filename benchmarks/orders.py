"""Orders at several web machines, and what has become of each.

An order without a response, or with 429 or 503, is sent again to the next machine with the same `Idempotency-Key`, as
docs/api.md asks of clients.
"""

import contextlib
import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import ledger
from benchmarks import rows
from benchmarks.load import UnexpectedResponse
from benchmarks.scenarios import JOBS
from benchmarks.vendors import HELD, MODEL, SECONDS, prompt_of
from videos.engine import schedule
from videos.limits import VIDEO_PRICE_TOKENS, add_to_job_count
from videos.models import VideoJob

TRIES = 100  # of one order; half a minute
PAUSE_SECONDS = 0.3  # between two tries
TIMEOUT_SECONDS = 30
FOLDER = "ai-studio"  # CLOUDINARY_FOLDER, unless it is set


class Client(threading.Thread):
    """Sends the last of the orders, until none is left."""

    def __init__(self, ports: Sequence[int], orders: list[tuple[str, str]]) -> None:
        """`orders`: prompts and access tokens; several clients may share the list."""
        super().__init__(daemon=True)
        self._connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS) for port in ports]
        self._orders = orders
        self.repeated = 0
        self.error = ""

    def run(self) -> None:
        """Send them; one that cannot be sent ends the client."""
        try:
            with contextlib.suppress(IndexError):
                while True:
                    self._send(*self._orders.pop())
        except Exception as exc:  # the edge of a thread; the round reads `error` when orders are missing
            self.error = repr(exc)

    def _send(self, prompt: str, token: str) -> None:
        body = json.dumps({"mockMode": False, "generateAudio": True, "durationSeconds": SECONDS, "prompt": prompt})
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": prompt,
        }
        for number in range(TRIES):
            connection = self._connections[number % len(self._connections)]
            try:
                connection.request("POST", JOBS, body, headers)
                response = connection.getresponse()
                text, status = response.read(), response.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 503
            if status == 202:
                self._connections.append(self._connections.pop(0))  # the machines take turns
                return
            if status not in {429, 503}:
                raise UnexpectedResponse(f"{status} to {prompt!r}: {text[:300]!r}")
            self.repeated += 1
            time.sleep(PAUSE_SECONDS)
        raise UnexpectedResponse(f"no machine takes {prompt!r}")


def customers(first: int, count: int) -> list[tuple[str, str]]:
    """Orders of new users, three each, with the tokens of their sessions."""
    found = []
    for number in range(first, first + count):
        if (number - first) % 3 == 0:
            token = rows.access_token(rows.user(f"customer-{number}"))
        found.append((prompt_of(number, float("inf")), token))
    return found


def in_flight(first: int, count: int) -> list[str]:
    """Insert jobs that the provider has accepted, three each of new users, who pay; returns their prompts."""
    now, jobs = timezone.now(), []
    for number in range(first, first + count):
        if (number - first) % 3 == 0:
            owner = rows.user(f"pilot-{number}")
        job = VideoJob(
            owner=owner,
            prompt=prompt_of(number, float("inf")),
            model="veo-3.1-generate-preview",
            upstream_model=MODEL,
            resolution="720p",
            aspect_ratio="16:9",
            duration_seconds=SECONDS,
            generate_audio=True,
            provider="google_omni",
            operation=f"{HELD}{number}",
            phase="generating",
            slot=1 + (number - first) % 3,
            started_at=now,
            due_at=now + timezone.timedelta(seconds=schedule.POLL_SLOWEST * (number - first) / count),
        )
        jobs.append(job)
    with transaction.atomic():
        for job in jobs:
            account = ledger.lock_account(user_id=job.owner_id)
            job.tokens_charged = ledger.charge(account=account, job_id=job.pk, tokens=VIDEO_PRICE_TOKENS)
            add_to_job_count(user_id=job.owner_id, more=1)
        VideoJob.objects.bulk_create(jobs, batch_size=500)
    return [job.prompt for job in jobs]


@dataclass
class Outcome:
    """What has become of the orders; lags by prompt, in seconds from the end at the provider."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unknown: int = 0  # ended as submission_unknown, refunded
    seen: dict[str, float] = field(default_factory=dict)  # until the row says so
    stored: dict[str, float] = field(default_factory=dict)  # until SUCCEEDED


def judge(
    ordered: Sequence[str],
    inserted: Sequence[str],
    *,
    done_at: Mapping[str, float],
    bought: Mapping[str, int],
    files: Mapping[str, Any],
) -> Outcome:
    """Compare rows, ledger, the provider's works and the stored files. A lost order has no video and no refund."""
    outcome, made, entries = Outcome(), defaultdict(list), _entries()
    for job in VideoJob.objects.filter(prompt__in=[*ordered, *inserted]):
        made[job.prompt].append(job)
    for prompts, submits in ((ordered, 1), (inserted, 0)):
        for prompt in prompts:
            jobs, works = made[prompt], bought.get(prompt, 0)
            counts = entries[jobs[0].pk] if jobs else Counter()
            if len(jobs) > 1 or works > submits or counts["charge"] != len(jobs) or counts["refund"] > 1:
                outcome.doubled.append(f"{prompt}: {len(jobs)} rows, bought {works} times, {dict(counts)}")
            if jobs:
                _follow(jobs[0], outcome, refunds=counts["refund"], done_at=done_at, files=files)
            else:
                outcome.lost.append(f"{prompt}: no row")
    return outcome


def _follow(
    job: VideoJob, outcome: Outcome, *, refunds: int, done_at: Mapping[str, float], files: Mapping[str, Any]
) -> None:
    """Add the job's end to the outcome."""
    if job.phase == "succeeded" and job.generated_at and job.completed_at and not refunds:
        kept = [files.get(f"{kind}/{FOLDER}/videos/{job.pk}") for kind in ("video", "image")]
        if not all(kept) or kept[0]["sha256"] != job.video_sha256:
            outcome.lost.append(f"{job.prompt}: its file or its poster is not stored")
        outcome.seen[job.prompt] = job.generated_at.timestamp() - done_at[job.prompt]
        outcome.stored[job.prompt] = job.completed_at.timestamp() - done_at[job.prompt]
    elif job.error_code == "submission_unknown" and refunds == 1:
        outcome.unknown += 1
    else:
        outcome.lost.append(f"{job.prompt}: {job.phase} {job.error_code}, {refunds} refunds, due at {job.due_at}")


def _entries() -> defaultdict[Any, Counter[str]]:
    """The number of each job's entries in the ledger, by kind."""
    from accounts.models import LedgerEntry

    found: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    for job_id, kind in LedgerEntry.objects.filter(video_job_id__isnull=False).values_list("video_job_id", "kind"):
        found[job_id][kind] += 1
    return found
