"""Fifty threads against one account: creating, finishing, failing and deleting, all at once, for a while."""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now

from accounts.models import LedgerEntry, TokenAccount, User
from studio.errors import LimitReached, NotFound
from tests.conftest import MakeUser
from videos import creation, deletion
from videos.engine import outcomes
from videos.failures import is_refunded
from videos.job_requests import VideoJobRequest
from videos.limits import MAX_UNFINISHED_JOBS
from videos.models import VideoJob, from_now, new_lease
from videos.phases import Phase

SECONDS = float(os.environ.get("CHAOS_ATTACK_SECONDS") or 5)
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(SECONDS + 120)]
THREADS = 50
START_TOKENS = 1_000_000
ORDER = VideoJobRequest(
    prompt="A red dress",
    model="veo-3.1-generate-preview",
    resolution="720p",
    aspect_ratio="16:9",
    duration_seconds=4,
    generate_audio=False,
    mock_mode=True,
)


class Attack:
    """Shared by the threads: the account, and the actions that each thread completed."""

    def __init__(self, owner: User) -> None:
        self.owner = owner
        self.deadline = time.monotonic() + SECONDS
        self.lock = threading.Lock()
        self.did: dict[str, Counter[str]] = {}  # by job
        self.most_live = 0

    def note(self, job: VideoJob, deed: str) -> None:
        with self.lock:
            self.did.setdefault(str(job.pk), Counter())[deed] += 1

    def run(self, seed: int) -> None:
        """One thread. Any exception but a refusal ends the test."""
        dice = random.Random(seed)
        try:
            while time.monotonic() < self.deadline:
                with self.turned_away_by_sqlite():
                    self.act(dice)
        finally:
            connection.close()

    @contextmanager
    def turned_away_by_sqlite(self) -> Iterator[None]:
        """Of fifty writers to one file, one may wait in vain. It gets an error, and nothing is written."""
        try:
            yield
        except OperationalError as exc:
            if "database is locked" not in str(exc):
                raise

    def act(self, dice: random.Random) -> None:
        live = list(VideoJob.objects.filter(owner=self.owner).live())
        self.most_live = max(self.most_live, len(live))
        if not live or dice.random() < 0.4:
            self.create()
            return
        job = dice.choice(live)
        deeds: list[Callable[[VideoJob], None]] = [
            self.finish, self.finish, self.delete,
            partial(self.fail, "provider_refused"), partial(self.fail, "generation_failed"),
        ]  # fmt: skip
        dice.choice(deeds)(job)

    def create(self) -> None:
        try:
            self.note(creation.create(owner=self.owner, job_request=ORDER), "created")
        except LimitReached:
            return

    def finish(self, job: VideoJob) -> None:
        """Advance the job until another thread interferes."""
        ways: list[tuple[Phase, dict[str, Any]]] = [
            (Phase.SUBMITTING, {"lease": new_lease(), "due_at": from_now(60), "started_at": Now()}),
            (Phase.GENERATING, {"operation": "attack", "due_at": from_now(60)}),
            (Phase.STORING, {"due_at": from_now(60)}),
            (Phase.SUCCEEDED, {"video": f"videos/{job.pk}.mp4", "progress_percentage": 100}),
        ]
        for phase, fields in ways[[*Phase].index(Phase(job.phase)) :]:
            if not VideoJob.objects.transition(job, phase, **fields):
                return
            self.note(job, phase)

    def fail(self, code: str, job: VideoJob) -> None:
        if outcomes.fail(job=job, code=code):
            self.note(job, code)

    def delete(self, job: VideoJob) -> None:
        try:
            deletion.delete(job_id=job.pk)
        except NotFound:
            return
        self.note(job, "deleted")


def refunds_due(did: Counter[str]) -> int:
    """The refunds that a job is due, by the actions on it."""
    for code in ("provider_refused", "generation_failed"):
        if did[code]:
            return int(is_refunded(code, policy="unstarted"))
    return int(did["deleted"] and not did[Phase.SUBMITTING])


def test_fifty_threads_cannot_bypass_the_limit_or_the_ledger(make_user: MakeUser, rq_hints: Any) -> None:
    attack = Attack(make_user(tokens=START_TOKENS))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(attack.run, range(THREADS)))

    account = TokenAccount.objects.get(user=attack.owner)
    entries: dict[str, Counter[str]] = {}
    for entry in LedgerEntry.objects.filter(account=account).exclude(video_job_id=None):
        entries.setdefault(str(entry.video_job_id), Counter())[entry.kind] += 1
    expected = {
        job: Counter({"charge": 1} | ({"refund": 1} if refunds_due(did) else {})) for job, did in attack.did.items()
    }
    refunds = sum(refunds_due(did) for did in attack.did.values())
    total = sum(LedgerEntry.objects.filter(account=account).values_list("amount", flat=True))
    report(attack)
    assert attack.most_live <= MAX_UNFINISHED_JOBS
    assert entries == expected
    assert account.balance == total == START_TOKENS - 50 * (len(attack.did) - refunds)
    assert len(attack.did) > MAX_UNFINISHED_JOBS  # otherwise the test tried nothing


def report(attack: Attack) -> None:
    """For the table of `make chaos`."""
    if path := os.environ.get("CHAOS_ATTACK_REPORT"):
        succeeded = sum(did[Phase.SUCCEEDED] for did in attack.did.values())
        Path(path).write_text(json.dumps({"jobs": len(attack.did), "succeeded": succeeded}))
