"""Rate limits, of sign-ins, registrations and all requests. Without Redis, every request passes."""

import hashlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import ApiKey
from accounts.sign_in.client_ip import network_of
from studio.emails import normal_email
from studio.redis_client import CircuitOpen, redis_client

if TYPE_CHECKING:  # the views' module loads this one, for the default
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

BATCHES = 50  # of one user's requests in a window
KEYS_TOGETHER = 3  # times the limit of one key
MAX_COUNTS = 10_000  # in a process; dropping them loses less than a batch of each


class _Counts:
    """Attempts by key: what Redis replied last, and what this process has counted since."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def add(self, key: str, batch: int) -> tuple[int, int]:
        """Count one. Returns the number of attempts known, and how many of them to send: 0 before a batch is full."""
        with self._lock:
            if key not in self._counts and len(self._counts) >= MAX_COUNTS:
                self._counts.clear()
            total, unsent = self._counts.get(key, (0, 0))
            if total and unsent + 1 < batch:
                self._counts[key] = total, unsent + 1
                return total + unsent + 1, 0
            self._counts[key] = total + unsent + 1, 0
            return total + unsent + 1, unsent + 1

    def learn(self, key: str, total: int) -> None:
        """Keep the total that Redis replied; replies to parallel commands may arrive in any order."""
        with self._lock:
            known, unsent = self._counts.get(key, (0, 0))
            self._counts[key] = max(known, total), unsent

    def forget(self, key: str) -> None:
        """Redis did not reply: the next attempt asks it again."""
        with self._lock:
            self._counts.pop(key, None)


_counts = _Counts()


def _email_in(request: Request) -> str:
    form: Any = request.data
    return normal_email(str(form.get("email", ""))) if hasattr(form, "get") else ""


class AttemptThrottle(SimpleRateThrottle):
    """A number of attempts from one client IP in each window of the clock, counted in Redis for all processes.

    DRF's own throttle reads a list and writes it back, so parallel attempts count as one; INCR misses none.
    """

    num_requests: int
    duration: int  # seconds
    batch = 1  # attempts that are sent to Redis together
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
        return self._count(self.get_ident(request), most=self.num_requests)

    def _count(self, ident: str, *, most: int) -> bool:
        """Count an attempt of this sender; False when there were more than `most`."""
        key = f"count:{self.scope}:{ident}:{int(self.timer() // self.duration)}"
        attempts, unsent = _counts.add(key, self.batch)
        if not unsent:
            return attempts <= most
        try:
            with redis_client() as client:
                attempts = int(client.incr(key, unsent))
                if attempts == unsent:
                    client.expire(key, self.duration)
        except redis.RedisError as exc:
            if not isinstance(exc, CircuitOpen):  # else logged where the call failed
                logger.warning("rate_limit.unavailable", extra={"error": type(exc).__name__})
            _counts.forget(key)
            return True
        _counts.learn(key, attempts)
        return attempts <= most

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
        words = f"{super().get_ident(request)} {_email_in(request)}"
        return hashlib.sha256(words.encode(errors="replace")).hexdigest()


class MailClientThrottle(AttemptThrottle):
    """Mails that one client IP requests, for any address."""

    scope = "mail-client"


class MailThrottle(AttemptThrottle):
    """Mails of one kind that anyone requests for one address: nobody can fill another's mailbox.

    The kinds count apart. Else requests of a kind that sends nothing, to verify a verified address, would block the
    others.
    """

    scope = "mail"

    def get_ident(self, request: Request) -> str:
        """The endpoint and the address, hashed: what users type is no key for Redis."""
        endpoint = request.resolver_match.view_name if request.resolver_match else ""
        return hashlib.sha256(f"{endpoint} {_email_in(request)}".encode(errors="replace")).hexdigest()


class PasswordThrottle(AttemptThrottle):
    """Checks of one user's password in a request with a token; the limit is that of sign-ins.

    It is no throttle of a view: a form without a password to compare is free. See `count_check`.
    """

    scope = "sign-in-account"

    def get_ident(self, request: Request) -> str:
        return str(request.user.pk)

    def count(self, request: Request) -> None:
        """Count a check. Raises Throttled when there were too many."""
        if not self._count(self.get_ident(request), most=self.num_requests):
            raise Throttled(self.wait())


def count_check(request: Request) -> None:
    """Count a check of the caller's password, before it. Raises Throttled when there were too many."""
    PasswordThrottle().count(request)


class UserThrottle(AttemptThrottle):
    """Requests of one user: far more than any page sends, and fewer than a runaway loop.

    Deleting is free: clients delete page after page, one request for each job. A process sends its counts to Redis in
    batches of a fiftieth of the limit, so each process may let through so many too much (docs/decisions, 23).

    An API key has a count of its own, so that a script does not stop its user's browser, nor another script. All keys
    of a user together have KEYS_TOGETHER times the limit: fifty keys are not fifty limits.
    """

    def __init__(self) -> None:
        """The rate depends on the request's method."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request; False when there were too many."""
        if request.method == "DELETE" or not request.user.is_authenticated:
            return True
        self.scope = "create" if request.method == "POST" else "request"
        super().__init__()
        self.batch = max(1, self.num_requests // BATCHES)
        if not isinstance(request.auth, ApiKey):
            return self._count(str(request.user.pk), most=self.num_requests)
        if not self._count(str(request.auth.pk), most=self.num_requests):
            return False  # and not counted for the other keys
        return self._count(f"keys-of-{request.user.pk}", most=self.num_requests * KEYS_TOGETHER)
