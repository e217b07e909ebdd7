"""How often somebody may try to sign in or register, or ask at all; without Redis everything is let through."""

import hashlib
import logging
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from accounts.addresses import network_of
from studio import counting
from studio.emails import normal_email

if TYPE_CHECKING:  # the views' module loads this one, for the default
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

STEPS = 50  # to a limit: each process may let through a fiftieth too much, and asks Redis that much less often


class AttemptThrottle(SimpleRateThrottle):
    """So many attempts, from one address, in each window of the clock.

    DRF's own counting reads a list and writes it back, so parallel attempts count as one; a counter misses none. The
    window's number is part of the key: nobody is kept out for longer than a window.
    """

    num_requests: int
    duration: int  # seconds

    def get_cache_key(self, request: Request, view: "APIView") -> str:
        """What is counted together, in this window."""
        window = int(self.now // self.duration)
        return self.cache_format % {"scope": self.scope, "ident": f"{window}_{self.get_ident(request)}"}

    def get_ident(self, request: Request) -> str:
        """The network address, of IPv6 the household; to DRF's own each of its 2**64 addresses is another."""
        return network_of(request) or super().get_ident(request)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the attempt; False when there were too many."""
        self.now = self.timer()
        key = self.get_cache_key(request, view)
        try:
            self.cache.add(key, 0, self.duration)
            attempts = self.cache.incr(key)
        except (RedisError, ValueError) as exc:  # ValueError: emptied between the two calls
            logger.warning("attempt not counted", extra={"scope": self.scope, "error": type(exc).__name__})
            return True
        return attempts <= self.num_requests

    def wait(self) -> float:
        """Seconds until the next window."""
        return self.duration - self.now % self.duration


class RegisterThrottle(AttemptThrottle):
    """Registrations from one address."""

    scope = "register"


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
        counted = counting.count(f"{scope}:{request.user.pk}", window_seconds=self.seconds, step=step)
        return counted is None or counted <= allowed

    def wait(self) -> float:
        """Seconds until the next window."""
        return counting.seconds_left(window_seconds=self.seconds)


@cache
def _parsed(rate: str) -> tuple[int, int]:
    """How many, in how many seconds."""
    number, _, period = rate.partition("/")
    return int(number), {"s": 1, "m": 60, "h": 3600, "d": 86_400}[period[0]]
