"""The audit log of changes by staff, kept by django-auditlog.

Saves are recorded only in requests to the back office. The API and the workers save these tables all the time: there a
record would cost a statement or two, and repeat the jobs' logs and the ledger. A use case that bypasses `save`, or
that moves money, records itself, whatever calls it (`record_action`).
"""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import Any

from auditlog.middleware import AuditlogMiddleware
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase

from studio.observability import log

_watching: ContextVar[bool] = ContextVar("watching", default=False)


class AuditMiddleware(AuditlogMiddleware):  # type: ignore[misc]  # auditlog is untyped
    """auditlog's, which knows the user of the request; also switches on the recording of saves."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = _watching.set(True)
        try:
            answer: HttpResponseBase = super().__call__(request)
        finally:
            _watching.reset(token)
        return answer


def watch(model: type[Model], *, fields: tuple[str, ...], secret: tuple[str, ...] = ()) -> None:
    """Record changes of these fields; of `secret` ones, only that they changed."""
    auditlog.register(
        model,
        include_fields=[*fields, *secret],
        mask_fields=list(secret),
        mask_callable="studio.backoffice.audit.hidden",
    )


def record(row: Model, **changes: tuple[Any, Any]) -> None:
    """Record a change that bypassed `save`, such as an UPDATE. Each pair is the old and the new value."""
    LogEntry.objects.log_create(
        row,
        action=LogEntry.Action.UPDATE,
        changes={name: [str(before), str(after)] for name, (before, after) in changes.items()},
    )


def record_action(row: Model, action: str, *, actor: Model | None, **facts: Any) -> None:
    """Record a staff action on a row, with its facts: tokens, a reason.

    `actor` None: the user of the current request to the back office; at the server's console, none. Call in the
    transaction of the action, so that neither exists without the other.
    """
    LogEntry.objects.log_create(
        row,
        action=LogEntry.Action.UPDATE,
        actor=actor,
        actor_email=getattr(actor, "email", None),
        changes={"action": ["", action], **{name: ["", str(fact)] for name, fact in facts.items()}},
    )


def older_than(moment: datetime) -> QuerySet[Model]:
    """The entries before the moment."""
    entries: QuerySet[Model] = LogEntry.objects.filter(timestamp__lt=moment)
    return entries


def hidden(value: str) -> str:
    """The text in place of a secret: auditlog's own masking leaves half of it readable."""
    return "(not kept)"


def request_id() -> str | None:
    """The id that connects an entry to the logs."""
    return log.request_id() or None


def _while_watching(receiver: Callable[..., None]) -> Callable[..., None]:
    @wraps(receiver)
    def receive(*args: Any, **kwargs: Any) -> None:
        if _watching.get():
            receiver(*args, **kwargs)

    return receive


# Must precede the first `watch`. auditlog has no setting for it: a block can switch it off, but not on.
signals = auditlog._signals  # noqa: SLF001 - see above
signals.update({signal: _while_watching(receiver) for signal, receiver in signals.items()})
