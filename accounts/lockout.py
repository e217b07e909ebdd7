"""Who has guessed passwords too often may not go on, at the API and in the back office alike.

Failures are counted in the database, by account and address together: they hold without Redis, and nobody can lock
another person out from elsewhere. The throttles of `accounts.throttles` bound the pace on top of that, at the API.
"""

import logging
from datetime import timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db.models import Sum
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts.addresses import network_of
from accounts.models import User, normal_email
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


def address_tried(request: HttpRequest | Request) -> str | None:
    """Where from; what axes asks for."""
    return network_of(request)


def is_locked(request: HttpRequest | Request) -> bool:
    """Whether the attempt that this request has just made was refused unseen, or was the last one for a while."""
    return bool(getattr(request, "axes_locked_out", False))


def refusal(request: HttpRequest | Request, *, email: str) -> LockedOut:
    """What to raise then, with the seconds that are left."""
    attempts = AccessAttempt.objects.filter(ip_address=network_of(request))
    last = attempts.filter(username=normal_email(email)).first() or attempts.first()
    end = (last.attempt_time if last else timezone.now()) + settings.AXES_COOLOFF_TIME
    left = max(end - timezone.now(), timedelta(seconds=1))
    return LockedOut(retry_after_seconds=int(left.total_seconds()) + 1)


def forget(request: HttpRequest | Request, *, email: str) -> None:
    """A right password ends the count of this account at this address, and no other."""
    AccessAttempt.objects.filter(username=normal_email(email), ip_address=network_of(request)).delete()


@receiver(user_logged_in)
def _forget_after_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    if network_of(request):
        forget(request, email=user.email)
