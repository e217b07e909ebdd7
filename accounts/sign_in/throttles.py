"""How often somebody may try to sign in or register, or ask at all; without Redis everything is let through."""

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from accounts.sign_in.client_ip import network_of
from studio.api import rate_limits
from studio.emails import normal_email

if TYPE_CHECKING:  # the views' module loads this one, for the default
    from rest_framework.views import APIView

STEPS = 50  # to a limit: each process may let through a fiftieth too much, and asks Redis that much less often


class AttemptThrottle(SimpleRateThrottle):
    """So many attempts, from one address, in each window of the clock.

    DRF's own counting reads a list and writes it back, so parallel attempts count as one; a counter misses none.
    """

    num_requests: int
    duration: int  # seconds

    def get_ident(self, request: Request) -> str:
        """The network address, of IPv6 the household; to DRF's own each of its 2**64 addresses is another."""
        return network_of(request) or super().get_ident(request)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the attempt; False when there were too many."""
        attempts = rate_limits.count(f"{self.scope}:{self.get_ident(request)}", window_seconds=self.duration)
        return attempts is None or attempts <= self.num_requests

    def wait(self) -> float:
        """Seconds until the next window."""
        return rate_limits.seconds_left(window_seconds=self.duration)


class RegisterThrottle(AttemptThrottle):
    """Registrations from one address."""

    scope = "register"


class TokenThrottle(AttemptThrottle):
    """Refreshes and sign-outs from one address, where a stranger may send anything for a token."""

    scope = "token"


class SignInAddressThrottle(AttemptThrottle):
    """Sign-ins from one address, for whatever account."""

    scope = "sign-in-address"


class SignInAccountThrottle(AttemptThrottle):
    """Sign-ins to one account from one address; others cannot lock its owner out from theirs."""

    scope = "sign-in-account"

    def get_ident(self, request: Request) -> str:
        """The network address and the account, hashed: what people type is no key for a cache."""
        form: Any = request.data
        email = normal_email(str(form.get("email", ""))) if hasattr(form, "get") else ""
        return hashlib.sha256(f"{super().get_ident(request)} {email}".encode(errors="replace")).hexdigest()


class PersonThrottle(BaseThrottle):
    """What one person may ask in a minute: far more than any page does, and less than a runaway loop.

    Deleting is free: clients delete page after page, one request for each job.
    """

    seconds: int

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request; False when there were too many."""
        if request.method == "DELETE" or not request.user.is_authenticated:
            return True
        scope = "create" if request.method == "POST" else "request"
        rates = cast("dict[str, str]", settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
        allowed, self.seconds = _parsed(rates[scope])
        step = max(allowed // STEPS, 1)
        counted = rate_limits.count(f"{scope}:{request.user.pk}", window_seconds=self.seconds, step=step)
        return counted is None or counted <= allowed

    def wait(self) -> float:
        """Seconds until the next window."""
        return rate_limits.seconds_left(window_seconds=self.seconds)


@cache
def _parsed(rate: str) -> tuple[int, int]:
    """How many, in how many seconds."""
    number, _, period = rate.partition("/")
    return int(number), {"s": 1, "m": 60, "h": 3600, "d": 86_400}[period[0]]
