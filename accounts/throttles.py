"""Rate limits, of sign-ins, registrations and all requests. Without Redis, every request passes."""

import hashlib
import logging
import time
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.sign_in.client_ip import network_of
from studio.emails import normal_email
from studio.redis_client import CircuitOpen, redis_client

if TYPE_CHECKING:  # the views' module loads this one, for the default
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


class AttemptThrottle(SimpleRateThrottle):
    """A number of attempts from one client IP in each window of the clock, counted in Redis for all processes.

    DRF's own throttle reads a list and writes it back, so parallel attempts count as one; INCR misses none.
    """

    num_requests: int
    duration: int  # seconds
    timer = staticmethod(time.time)

    def get_rate(self) -> str:
        """The rate as the settings have it now; DRF reads them at import."""
        rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
        return str(rates[self.scope])

    def get_ident(self, request: Request) -> str:
        """The client IP, or the /64 network for IPv6. DRF's own would count each of its 2**64 addresses as a client."""
        return network_of(request) or super().get_ident(request)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the attempt; False when there were too many."""
        key = f"count:{self.scope}:{self.get_ident(request)}:{int(self.timer() // self.duration)}"
        try:
            with redis_client() as client:
                attempts = int(client.incr(key))
                if attempts == 1:
                    client.expire(key, self.duration)
        except CircuitOpen:  # logged where the call failed
            return True
        except redis.RedisError as exc:
            logger.warning("rate_limit.unavailable", extra={"error": type(exc).__name__})
            return True
        return attempts <= self.num_requests

    def wait(self) -> float:
        """Seconds until the next window."""
        return self.duration - self.timer() % self.duration


class RegisterThrottle(AttemptThrottle):
    """Registrations from one client IP."""

    scope = "register"


class TokenThrottle(AttemptThrottle):
    """Refreshes and sign-outs from one client IP: an unknown client may send any text as a token."""

    scope = "token"


class SignInClientThrottle(AttemptThrottle):
    """Sign-ins from one client IP, to any account."""

    scope = "sign-in-client"


class SignInAccountThrottle(AttemptThrottle):
    """Sign-ins to one account from one client IP; another client cannot block the owner's sign-ins."""

    scope = "sign-in-account"

    def get_ident(self, request: Request) -> str:
        """The client IP and the account, hashed: what users type is no key for Redis."""
        form: Any = request.data
        email = normal_email(str(form.get("email", ""))) if hasattr(form, "get") else ""
        return hashlib.sha256(f"{super().get_ident(request)} {email}".encode(errors="replace")).hexdigest()


class UserThrottle(AttemptThrottle):
    """Requests of one user: far more than any page sends, and fewer than a runaway loop.

    Deleting is free: clients delete page after page, one request for each job.
    """

    def __init__(self) -> None:
        """The rate depends on the request's method."""

    def get_ident(self, request: Request) -> str:
        return str(request.user.pk)

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request; False when there were too many."""
        if request.method == "DELETE" or not request.user.is_authenticated:
            return True
        self.scope = "create" if request.method == "POST" else "request"
        super().__init__()
        return super().allow_request(request, view)
