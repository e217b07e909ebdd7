"""Who has guessed passwords too often may not go on, at the API and in the back office alike.

Failures are counted in the database, by account and address together: they hold without Redis, and nobody can lock
another person out from elsewhere. `accounts.sign_in.throttles` bound the pace on top of that, at the API.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
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
    """Too many wrong passwords; whether the last one was right is not told."""

    code = "locked_out"
    message = "Too many failed attempts to sign in. Please try again later."


class FailureCount(AxesDatabaseHandler):  # type: ignore[misc]  # axes is untyped
    """axes' own count of an account's failures from an address, and one of all failures from the address."""

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """What is compared with AXES_FAILURE_LIMIT."""
        failures: int = super().get_failures(request, credentials)
        since = timezone.now() - settings.AXES_COOLOFF_TIME
        of_address = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=since)
        total = of_address.aggregate(total=Sum("failures_since_start"))["total"] or 0
        return settings.AXES_FAILURE_LIMIT if total >= settings.SIGN_IN_ADDRESS_FAILURES else failures


def account_tried(request: Any, credentials: dict[str, Any] | None) -> str:
    """The account that somebody tries to sign in to: the API calls it `email`, Django's forms `username`."""
    tried = credentials or {}
    return normal_email(str(tried.get("email") or tried.get("username") or ""))


def client_ip_tried(request: HttpRequest | Request) -> str | None:
    """Where from; what axes asks for."""
    return network_of(request)


def is_blocked(request: HttpRequest | Request) -> bool:
    """Whether the attempt that this request has just made was refused unseen, or was the last one for a while."""
    return bool(getattr(request, "axes_locked_out", False))


def refusal(request: HttpRequest | Request, *, email: str) -> LockedOut:
    """What to raise then, with the seconds that are left."""
    attempts = AccessAttempt.objects.filter(ip_address=network_of(request))
    last = attempts.filter(username=normal_email(email)).first() or attempts.first()
    end = (last.attempt_time if last else timezone.now()) + settings.AXES_COOLOFF_TIME
    left = max(end - timezone.now(), timedelta(seconds=1))
    return LockedOut(retry_after_seconds=int(left.total_seconds()) + 1)


def blocked_until(attempts: Sequence[AccessAttempt]) -> dict[int, datetime]:
    """When sign-ins are possible again for the account and the client IP of each attempt; only of those blocked now.

    An IP with too many failures is blocked for every account. A row is a client program's failures, so the rows of one
    account and IP are added up, as `FailureCount` does.
    """
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    addresses = {attempt.ip_address for attempt in attempts}
    known = Q(ip_address__in=addresses - {None}) | (Q(ip_address=None) if None in addresses else Q())
    failures: dict[Any, list[tuple[datetime, int]]] = defaultdict(list)
    rows = AccessAttempt.objects.filter(known, attempt_time__gte=since).order_by("attempt_time")
    for name, address, at, count in rows.values_list("username", "ip_address", "attempt_time", "failures_since_start"):
        failures[name, address].append((at, count))
        failures[address].append((at, count))
    ends = {}
    for attempt in attempts:
        of_both, of_address = failures[attempt.username, attempt.ip_address], failures[attempt.ip_address]
        end = max(
            _end(of_both, limit=settings.AXES_FAILURE_LIMIT),
            _end(of_address, limit=settings.SIGN_IN_ADDRESS_FAILURES),
        )
        if end > timezone.now():
            ends[attempt.pk] = end
    return ends


def _end(failures: list[tuple[datetime, int]], *, limit: int) -> datetime:
    """When so many are old that fewer than the limit are left; they come oldest first."""
    left, end = sum(count for _, count in failures), datetime.min.replace(tzinfo=UTC)
    for at, count in failures:
        if left < limit:
            break
        left, end = left - count, at + settings.AXES_COOLOFF_TIME
    return end


def unblock(*, attempts: Sequence[AccessAttempt], actor: User | None) -> None:
    """Forget the failures of these accounts at these client IPs; of an IP that is blocked as a whole, all of them."""
    for attempt in attempts:
        same_ip = AccessAttempt.objects.filter(ip_address=attempt.ip_address)
        total = same_ip.aggregate(total=Sum("failures_since_start"))["total"] or 0
        rows = same_ip if total >= settings.SIGN_IN_ADDRESS_FAILURES else same_ip.filter(username=attempt.username)
        with transaction.atomic():
            rows.delete()
            facts = {"account": attempt.username, "client_ip": attempt.ip_address}
            audit.record_action(attempt, "Unblock", actor=actor, **facts)
    logger.info("sign-ins unblocked", extra={"attempts": len(attempts), "actor": actor and actor.pk})


def forget(request: HttpRequest | Request, *, email: str) -> None:
    """A right password ends the count of this account at this address, and no other."""
    AccessAttempt.objects.filter(username=normal_email(email), ip_address=network_of(request)).delete()


@receiver(user_logged_in)
def _forget_after_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    if network_of(request):
        forget(request, email=user.email)
