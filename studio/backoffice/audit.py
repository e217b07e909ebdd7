"""Who changed what by hand, kept by django-auditlog.

Saves are watched in requests to the back office only. The API and the workers save the same tables all the time; there
each save would cost a statement or two more, and repeat what the jobs' own logs and the ledger have already. What goes
past `save`, and what moves money, is recorded by its use case, wherever the call comes from (`record_action`).
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
    """auditlog's, which knows who the request is from; and what is saved during it is watched."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, watching."""
        token = _watching.set(True)
        try:
            answer: HttpResponseBase = super().__call__(request)
        finally:
            _watching.reset(token)
        return answer


def watch(model: type[Model], *, fields: tuple[str, ...], secret: tuple[str, ...] = ()) -> None:
    """Keep what becomes of these fields of a table; of `secret` ones, that they changed."""
    auditlog.register(
        model,
        include_fields=[*fields, *secret],
        mask_fields=list(secret),
        mask_callable="studio.backoffice.audit.hidden",
    )


def record(row: Model, **changes: tuple[Any, Any]) -> None:
    """Keep a change that went past `save`: by an UPDATE, say. Each is what was, and what is."""
    LogEntry.objects.log_create(
        row,
        action=LogEntry.Action.UPDATE,
        changes={name: [str(before), str(after)] for name, (before, after) in changes.items()},
    )


def record_action(row: Model, action: str, *, actor: Model | None, **facts: Any) -> None:
    """Keep what was done to a row by hand, with what matters of it: tokens, a reason.

    `actor` None: the person whose request to the back office it is; at the server's console there is no name to keep.
    Call in the transaction of the action, so that there is never one without the other.
    """
    LogEntry.objects.log_create(
        row,
        action=LogEntry.Action.UPDATE,
        actor=actor,
        actor_email=getattr(actor, "email", None),
        changes={"action": ["", action], **{name: ["", str(fact)] for name, fact in facts.items()}},
    )


def older_than(moment: datetime) -> QuerySet[Model]:
    """The entries that need not be kept when only what came after the moment is."""
    entries: QuerySet[Model] = LogEntry.objects.filter(timestamp__lt=moment)
    return entries


def hidden(value: str) -> str:
    """What is kept of a secret: auditlog's own way leaves half of it readable."""
    return "(not kept)"


def request_id() -> str | None:
    """What an entry is found by in the logs."""
    return log.request_id() or None


def _while_watching(receiver: Callable[..., None]) -> Callable[..., None]:
    @wraps(receiver)
    def receive(*args: Any, **kwargs: Any) -> None:
        if _watching.get():
            receiver(*args, **kwargs)

    return receive


# Before the first `watch`. There is no setting for it: auditlog can be switched off in a place, but not on in one.
signals = auditlog._signals  # noqa: SLF001 - see above
signals.update({signal: _while_watching(receiver) for signal, receiver in signals.items()})
