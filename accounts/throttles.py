"""How often somebody may try to sign in or register; counted in the cache, and let through without it."""

import hashlib
import logging
from typing import Any

from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from accounts.models import normal_email

logger = logging.getLogger(__name__)


class AttemptThrottle(SimpleRateThrottle):
    """So many attempts, from one address, in each window of the clock.

    DRF's own counting reads a list and writes it back, so parallel attempts count as one; a counter misses none. The
    window's number is part of the key: nobody is kept out for longer than a window.
    """

    num_requests: int
    duration: int  # seconds

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """What is counted together, in this window."""
        window = int(self.now // self.duration)
        return self.cache_format % {"scope": self.scope, "ident": f"{window}_{self.get_ident(request)}"}

    def allow_request(self, request: Request, view: APIView) -> bool:
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
