"""Blocks sign-ins after too many wrong passwords, in the API and in the back office.

Failures are counted in the database, so the block holds without Redis. They are counted by account and client IP
together, so one client cannot block the owner's sign-ins from another. `accounts.throttles` also limits
the rate of sign-ins at the API.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import Q, Sum
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts.models import User
from accounts.sign_in.client_ip import network_of
from studio.backoffice import audit
from studio.emails import normal_email
from studio.errors import LimitReached

logger = logging.getLogger(__name__)


class LockedOut(LimitReached):
    """Too many wrong passwords; the response hides whether the last one was right."""

    code = "locked_out"
    message = "Too many failed attempts to sign in. Please try again later."


class FailureCount(AxesDatabaseHandler):  # type: ignore[misc]  # axes is untyped
    """axes' count of an account's failures from a client IP, and a count of all failures from the IP."""

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """The number that axes compares with AXES_FAILURE_LIMIT."""
        failures: int = super().get_failures(request, credentials)
        since = timezone.now() - settings.AXES_COOLOFF_TIME
        of_ip = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=since)
        total = of_ip.aggregate(total=Sum("failures_since_start"))["total"] or 0
        return settings.AXES_FAILURE_LIMIT if total >= settings.SIGN_IN_ADDRESS_FAILURES else failures


def account_tried(request: Any, credentials: dict[str, Any] | None) -> str:
    """The account of the attempt: the API calls it `email`, Django's forms `username`."""
    tried = credentials or {}
    return normal_email(str(tried.get("email") or tried.get("username") or ""))


def client_ip_tried(request: HttpRequest | Request) -> str | None:
    """The client IP of the attempt, for axes."""
    return network_of(request)


def require_open(request: HttpRequest | Request, *, email: str) -> None:
    """Raise LockedOut if sign-ins of the account are blocked at this client IP; for attempts without a password."""
    if not AxesProxyHandler.is_allowed(request, {"email": email}):
        raise refusal(request, email=email)


def is_blocked(request: HttpRequest | Request) -> bool:
    """Whether the attempt of this request was blocked, or caused a block."""
    return bool(getattr(request, "axes_locked_out", False))


def refusal(request: HttpRequest | Request, *, email: str) -> LockedOut:
    """The error of a blocked attempt, with the seconds until the block ends."""
    attempts = AccessAttempt.objects.filter(ip_address=network_of(request))
    last = attempts.filter(username=normal_email(email)).first() or attempts.first()
    end = (last.attempt_time if last else timezone.now()) + settings.AXES_COOLOFF_TIME
    left = max(end - timezone.now(), timedelta(seconds=1))
    return LockedOut(retry_after_seconds=int(left.total_seconds()) + 1)


def blocked_until(attempts: Sequence[AccessAttempt]) -> dict[int, datetime]:
    """When sign-ins of each attempt's account from its client IP are possible again; only of those blocked now.

    An IP with too many failures is blocked for every account. A row has the failures of one client program, so the
    rows of an account and IP are added up, as in `FailureCount`.
    """
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    ips = {attempt.ip_address for attempt in attempts}
    known = Q(ip_address__in=ips - {None}) | (Q(ip_address=None) if None in ips else Q())
    failures: dict[Any, list[tuple[datetime, int]]] = defaultdict(list)
    rows = AccessAttempt.objects.filter(known, attempt_time__gte=since).order_by("attempt_time")
    for name, ip, at, count in rows.values_list("username", "ip_address", "attempt_time", "failures_since_start"):
        failures[name, ip].append((at, count))
        failures[ip].append((at, count))
    ends = {}
    for attempt in attempts:
        of_both, of_ip = failures[attempt.username, attempt.ip_address], failures[attempt.ip_address]
        end = max(
            _end(of_both, limit=settings.AXES_FAILURE_LIMIT),
            _end(of_ip, limit=settings.SIGN_IN_ADDRESS_FAILURES),
        )
        if end > timezone.now():
            ends[attempt.pk] = end
    return ends


def _end(failures: list[tuple[datetime, int]], *, limit: int) -> datetime:
    """The time at which fewer failures than the limit are recent. Expects the oldest first."""
    left, end = sum(count for _, count in failures), datetime.min.replace(tzinfo=UTC)
    for at, count in failures:
        if left < limit:
            break
        left, end = left - count, at + settings.AXES_COOLOFF_TIME
    return end


def unblock(*, attempts: Sequence[AccessAttempt], actor: User | None) -> None:
    """Delete the failures of these accounts at these client IPs; all of an IP that is blocked as a whole."""
    for attempt in attempts:
        same_ip = AccessAttempt.objects.filter(ip_address=attempt.ip_address)
        total = same_ip.aggregate(total=Sum("failures_since_start"))["total"] or 0
        rows = same_ip if total >= settings.SIGN_IN_ADDRESS_FAILURES else same_ip.filter(username=attempt.username)
        with transaction.atomic():
            rows.delete()
            facts = {"account": attempt.username, "client_ip": attempt.ip_address}
            audit.record_action(attempt, "Unblock", actor=actor, **facts)
    logger.info("sign_in.unblocked", extra={"attempts": len(attempts), "actor": actor and actor.pk})


def forget(request: HttpRequest | Request, *, email: str) -> None:
    """Reset the count of this account at this client IP, after a right password."""
    AccessAttempt.objects.filter(username=normal_email(email), ip_address=network_of(request)).delete()


def forget_account(*, email: str) -> None:
    """Reset the count of this account at every client IP, after a new password."""
    AccessAttempt.objects.filter(username=normal_email(email)).delete()


@receiver(user_logged_in)
def _forget_after_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    if network_of(request):
        forget(request, email=user.email)
