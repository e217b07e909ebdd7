"""Removes old data in small batches; it can be interrupted at any time.

`videos.deletion` deletes jobs, and disposal their files. The ledger is never touched. Every job that stays keeps what
a refund dispute needs: tokens, times, phase, error and the provider's operation.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from auditlog.models import LogEntry as AuditEntry
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.admin.models import LogEntry as AdminEntry
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts import tasks, tokens
from accounts.models import AccountTask, ApiKey, FormerAddress, SignIn
from accounts.own_account import exports
from accounts.sign_in import api_keys
from looks import links
from looks.models import LookKey
from studio.db import batches
from studio.errors import NotFound
from studio.models import TaskState
from videos import deletion
from videos.engine import inputs
from videos.models import Event, JobInput, JobLog, LiveTicket, SpentKey, VideoJob, WebhookDelivery, events
from videos.phases import TERMINAL, Phase

NAME = "purge"  # of the row with the position of the daily purge
JOB_RULES = ("mock", "log", "reply")  # rules that walk finished jobs in order of completed_at
TASK_DAYS = 30  # ended tasks of accounts, for questions about mails
BATCH = 500  # rows per statement, or jobs per query; it holds the writer for some milliseconds
StopCheck = Callable[[], None]


@dataclass(frozen=True)
class Rule:
    """A kind of data, and for how many days it is kept; 0 means for ever, None until it expires by itself."""

    name: str
    days: int | None
    what: str
    count: Callable[["Span"], int]
    remove: Callable[["Span", StopCheck], int]


@dataclass(frozen=True)
class Span:
    """What ended before a moment and, if an earlier purge got that far, not before `since`."""

    before: datetime
    since: datetime | None = None


def default_days() -> dict[str, int]:
    """How many days each kind of data is kept here; 0 means for ever."""
    return {
        "mock": settings.PURGE_MOCK_DAYS,
        "real": 0,  # users paid for them: only on an operator's explicit request
        "log": settings.PURGE_LOG_DAYS,
        "reply": settings.PURGE_REPLY_DAYS,
        "sign-in": settings.PURGE_SIGN_IN_DAYS,
        "webhook": settings.PURGE_WEBHOOK_DAYS,
        "audit": settings.PURGE_AUDIT_DAYS,
    }


def rules(*, days: Mapping[str, int]) -> list[Rule]:
    """The rules for these numbers of days; expired data comes last."""
    mock, real = (partial(_finished, mock_mode=is_mock) for is_mock in (True, False))
    sign_ins = [_aged(model, "attempt_time") for model in (AccessAttempt, AccessFailureLog, AccessLog)]
    entries = [_aged(AuditEntry, "timestamp"), _aged(AdminEntry, "action_time")]
    expired: list[Rows] = [
        _aged(Session, "expire_date"),
        _aged(FormerAddress, "expires_at"),
        _aged(LiveTicket, "expires_at"),
        lambda span: tokens.ended_sessions(before=span.before),
        lambda span: tokens.ended(before=span.before),
    ]
    found = [
        Rule("mock", days["mock"], "finished mock videos", _counted(mock), partial(_remove_jobs, mock)),
        Rule("real", days["real"], "finished videos that were paid for", _counted(real), partial(_remove_jobs, real)),
        Rule("log", days["log"], "log lines of finished jobs", _counted(_lines), _remove_lines),
        Rule("reply", days["reply"], "providers' replies of finished jobs", _counted(_replies), _remove_replies),
        _rule(
            "sign-in",
            days["sign-in"],
            "records of sign-ins, ended API keys and ended links of looks",
            _older_sign_ins,
            *sign_ins,
            _ended_keys,
            lambda span: links.ended(before=span.before),
        ),
        _rule("audit", days["audit"], "audit records of the back office", *entries),
        Rule("input", inputs.INPUTS_KEPT_DAYS, "pictures of failed jobs", _counted(_inputs), _remove_inputs),
        _rule(
            "key",
            1,
            "Idempotency-Keys of looks and deleted jobs",
            _aged(SpentKey, "used_at"),
            _aged(LookKey, "used_at"),
        ),
        _rule("webhook", days["webhook"], "messages to webhooks, delivered or given up", _ended_messages),
        _rule("event", events.KEPT_DAYS, "events of video jobs", _older_events),
        Rule("export", exports.KEPT.days, "contents of exports", _counted(_contents), _remove_contents),
        _rule("task", TASK_DAYS, "mails, exports and deletions of accounts that have ended", _ended_tasks),
        _rule("expired", None, "sessions and refresh tokens", *expired),
    ]
    return [rule for rule in found if rule.days != 0]


def purge(*, days: Mapping[str, int], check_stopped: StopCheck = lambda: None) -> Iterator[tuple[Rule, int]]:
    """Remove old data, kind by kind; yield how much of each was removed.

    `check_stopped` is called between two batches, and may raise; the next call removes the rest.
    """
    for rule in rules(days=days):
        yield rule, rule.remove(span(rule), check_stopped)


def purge_daily(*, check_stopped: StopCheck = lambda: None) -> Iterator[tuple[Rule, int]]:
    """Purge by the days of the settings, from where the last daily purge ended.

    Otherwise each day would read every finished job again. Only `purge` finds rows that arrive old,
    such as imported ones.
    """
    row, _ = TaskState.objects.get_or_create(name=NAME, defaults={"due_at": Now()})
    marks: dict[str, str] = row.state
    for rule in rules(days=default_days()):
        since = datetime.fromisoformat(marks[rule.name]) if rule.name in marks else None
        covered = span(rule, since)  # as of the start: a first purge takes hours, in which more grows old
        removed = rule.remove(covered, check_stopped)
        if rule.name in JOB_RULES:
            marks[rule.name] = max(filter(None, (covered.before, since))).isoformat()
            TaskState.objects.filter(pk=row.pk).update(state=marks, updated_at=Now())
        yield rule, removed


def span(rule: Rule, since: datetime | None = None) -> Span:
    """The time span of data that the rule removes."""
    return Span(timezone.now() - timedelta(days=rule.days or 0), since)


Rows = Callable[[Span], QuerySet[Any]]


def _counted(rows: Rows) -> Callable[[Span], int]:
    return lambda span: rows(span).count()


def _aged(model: Any, field: str) -> Rows:
    return lambda span: model._default_manager.filter(**{f"{field}__lt": span.before})


def _older_sign_ins(span: Span) -> QuerySet[SignIn]:
    return SignIn.objects.older_than(span.before)


def _older_events(span: Span) -> QuerySet[Event]:
    return Event.objects.filter(created_at__lt=span.before).order_by("created_at")


def _ended_keys(span: Span) -> QuerySet[ApiKey]:
    return api_keys.ended(before=span.before)


def _ended_tasks(span: Span) -> QuerySet[AccountTask]:
    return tasks.ended(before=span.before)


def _ended_messages(span: Span) -> QuerySet[WebhookDelivery]:
    """By age, as their index; a message waits for four days at most, or while its owner's account is deactivated."""
    return WebhookDelivery.objects.filter(created_at__lt=span.before, due_at=None).order_by("created_at")


def _contents(_: Span) -> QuerySet[AccountTask]:
    return exports.expired()


def _remove_contents(_: Span, check_stopped: StopCheck) -> int:
    check_stopped()
    return exports.remove_expired()


def _rule(name: str, days: int | None, what: str, *tables: Rows) -> Rule:
    """A rule that deletes rows."""

    def count(span: Span) -> int:
        return sum(rows(span).count() for rows in tables)

    def remove(span: Span, check_stopped: StopCheck) -> int:
        return sum(_remove_rows(rows(span), check_stopped) for rows in tables)

    return Rule(name, days, what, count, remove)


def _remove_rows(rows: QuerySet[Any], check_stopped: StopCheck) -> int:
    removed = 0
    in_order = rows if rows.query.order_by else rows.order_by("pk")
    while ids := list(in_order.values_list("pk", flat=True)[:BATCH]):
        check_stopped()
        rows.model._default_manager.filter(pk__in=ids).delete()
        removed += len(ids)
    return removed


def _finished(span: Span, **fields: Any) -> QuerySet[VideoJob]:
    jobs = VideoJob.objects.filter(completed_at__lt=span.before, phase__in=TERMINAL, **fields)
    return jobs.filter(completed_at__gte=span.since) if span.since else jobs


def _batches(jobs: QuerySet[VideoJob], check_stopped: StopCheck) -> Iterator[list[UUID]]:
    """Yield the ids of the jobs by completed_at, each batch after the last one."""
    rest = batches.rows(jobs.order_by("completed_at", "id"), "pk", batch=BATCH)
    while ids := [pk for (pk,) in islice(rest, BATCH)]:
        check_stopped()
        yield ids


def _remove_jobs(jobs: Callable[[Span], QuerySet[VideoJob]], span: Span, check_stopped: StopCheck) -> int:
    removed = 0
    for ids in _batches(jobs(span), check_stopped):
        for job_id in ids:
            check_stopped()
            try:
                deletion.delete(job_id=job_id)
            except NotFound:  # it was deleted meanwhile
                continue
            removed += 1
    return removed


def _lines(span: Span) -> QuerySet[JobLog]:
    return JobLog.objects.filter(job__in=_finished(span))


def _remove_lines(span: Span, check_stopped: StopCheck) -> int:
    # by job, with which their index begins
    return sum(JobLog.objects.filter(job_id__in=ids).delete()[0] for ids in _batches(_finished(span), check_stopped))


def _replies(span: Span) -> QuerySet[VideoJob]:
    return _finished(span).exclude(provider_reply="")


def _remove_replies(span: Span, check_stopped: StopCheck) -> int:
    # the conditions again: an operator may have resumed the job meanwhile
    return sum(
        _replies(span).filter(pk__in=ids).update(provider_reply="", updated_at=Now())
        for ids in _batches(_replies(span), check_stopped)
    )


def _inputs(span: Span) -> QuerySet[JobInput]:
    return JobInput.objects.filter(job__in=_finished(span, phase=Phase.FAILED))


def _remove_inputs(span: Span, check_stopped: StopCheck) -> int:
    check_stopped()
    return inputs.drop_old_inputs()
