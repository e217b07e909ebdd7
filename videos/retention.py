"""How long things are kept, and their removal: in small batches that can be broken off at any time.

Jobs go through `videos.deletion`, their files through disposal. The ledger is never touched.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from auditlog.models import LogEntry as AuditEntry
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.admin.models import LogEntry as AdminEntry
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import tokens
from accounts.models import SignIn
from studio.errors import NotFound
from videos import deletion, generation
from videos.models import JobInput, JobLog, SpentKey, VideoJob
from videos.phases import TERMINAL, Phase

BATCH = 500  # rows a statement, or jobs between two looks for more; some milliseconds of a writer's time
GoOn = Callable[[], None]


@dataclass(frozen=True)
class Rule:
    """One kind of thing, and how many days it is kept; 0 for ever, None until it has expired by itself."""

    name: str
    days: int | None
    what: str
    count: Callable[[datetime], int]
    remove: Callable[[datetime, GoOn], int]


def default_days() -> dict[str, int]:
    """How long each kind of thing is kept here, in days; 0 for ever."""
    return {
        "mock": settings.PURGE_MOCK_DAYS,
        "real": 0,  # somebody paid for them: only when an operator asks, each time
        "log": settings.PURGE_LOG_DAYS,
        "sign-in": settings.PURGE_SIGN_IN_DAYS,
        "audit": settings.PURGE_AUDIT_DAYS,
    }


def rules(*, days: Mapping[str, int]) -> list[Rule]:
    """What there is to remove after that many days; things of no use any more come last."""
    mock, real = (partial(_finished, mock_mode=is_mock) for is_mock in (True, False))
    sign_ins = [_aged(model, "attempt_time") for model in (AccessAttempt, AccessFailureLog, AccessLog)]
    entries = [_aged(AuditEntry, "timestamp"), _aged(AdminEntry, "action_time")]
    expired = [_aged(Session, "expire_date"), lambda before: tokens.ended(before=before)]
    found = [
        Rule("mock", days["mock"], "finished mock videos", _counted(mock), partial(_remove_jobs, mock)),
        Rule("real", days["real"], "finished videos that were paid for", _counted(real), partial(_remove_jobs, real)),
        Rule("log", days["log"], "log lines of finished jobs", _counted(_lines), _remove_lines),
        _rule("sign-in", days["sign-in"], "records of sign-ins", SignIn.objects.older_than, *sign_ins),
        _rule("audit", days["audit"], "audit records of the back office", *entries),
        Rule("input", generation.INPUTS_KEPT_DAYS, "pictures of failed jobs", _counted(_inputs), _remove_inputs),
        _rule("key", 1, "Idempotency-Keys of deleted jobs", _aged(SpentKey, "used_at")),
        _rule("expired", None, "sessions and refresh tokens", *expired),
    ]
    return [rule for rule in found if rule.days != 0]


def purge(*, days: Mapping[str, int], go_on: GoOn = lambda: None) -> Iterator[tuple[Rule, int]]:
    """Remove what is older, kind by kind; yields how much of each went.

    `go_on` is called between two batches, and may raise to end it all; the rest is there for the next time.
    """
    for rule in rules(days=days):
        yield rule, rule.remove(cutoff(rule), go_on)


def cutoff(rule: Rule) -> datetime:
    """What is older goes."""
    return timezone.now() - timedelta(days=rule.days or 0)


Rows = Callable[[datetime], QuerySet[Any]]


def _counted(rows: Rows) -> Callable[[datetime], int]:
    return lambda before: rows(before).count()


def _aged(model: Any, field: str) -> Rows:
    return lambda before: model._default_manager.filter(**{f"{field}__lt": before})


def _rule(name: str, days: int | None, what: str, *tables: Rows) -> Rule:
    """One whose rows are simply deleted."""

    def count(before: datetime) -> int:
        return sum(rows(before).count() for rows in tables)

    def remove(before: datetime, go_on: GoOn) -> int:
        return sum(_remove_rows(rows(before), go_on) for rows in tables)

    return Rule(name, days, what, count, remove)


def _remove_rows(rows: QuerySet[Any], go_on: GoOn) -> int:
    removed = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        go_on()
        rows.model._default_manager.filter(pk__in=ids).delete()
        removed += len(ids)
    return removed


def _finished(before: datetime, **fields: Any) -> QuerySet[VideoJob]:
    # the first condition says nothing new, and has an index
    return VideoJob.objects.filter(created_at__lt=before, completed_at__lt=before, phase__in=TERMINAL, **fields)


def _batches(jobs: QuerySet[VideoJob], go_on: GoOn) -> Iterator[list[UUID]]:
    """The ids of the jobs, the oldest first, each batch from where the last one ended."""
    rest = jobs.order_by("created_at", "id").values_list("created_at", "pk")
    batch = list(rest[:BATCH])
    while batch:
        go_on()
        yield [pk for _, pk in batch]
        created_at, pk = batch[-1]
        batch = list(rest.filter(Q(created_at=created_at, pk__gt=pk) | Q(created_at__gt=created_at))[:BATCH])


def _remove_jobs(jobs: Callable[[datetime], QuerySet[VideoJob]], before: datetime, go_on: GoOn) -> int:
    removed = 0
    for ids in _batches(jobs(before), go_on):
        for job_id in ids:
            go_on()
            try:
                deletion.delete(job_id=job_id)
            except NotFound:  # somebody was faster
                continue
            removed += 1
    return removed


def _lines(before: datetime) -> QuerySet[JobLog]:
    return JobLog.objects.filter(job__in=_finished(before))


def _remove_lines(before: datetime, go_on: GoOn) -> int:
    # job by job, because that is what their index begins with
    return sum(JobLog.objects.filter(job_id__in=ids).delete()[0] for ids in _batches(_finished(before), go_on))


def _inputs(before: datetime) -> QuerySet[JobInput]:
    return JobInput.objects.filter(job__in=_finished(before, phase=Phase.FAILED))


def _remove_inputs(before: datetime, go_on: GoOn) -> int:
    go_on()
    return generation.drop_old_inputs()
