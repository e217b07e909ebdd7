"""Google's public keys, with which ID tokens are verified. Each process fetches and keeps them by itself.

A fetch holds no lock and no slot for requests. Other sign-ins use the keys at hand meanwhile.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import certifi
import urllib3
from django.conf import settings
from urllib3.exceptions import HTTPError

from studio import deadlines
from studio.errors import Unavailable
from studio.http.active_requests import without_slot

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0  # for the whole fetch; Google takes about 0.1
BODY_MAX = 64 * 1024  # bytes; Google sends about 3,000
FRESH_MAX_SECONDS = 86_400  # a longer max-age counts as a day; Google's is about six hours
PAUSE_SECONDS = 30  # from one fetch to the next, whatever key ids the tokens name
PAUSE_AFTER_FAILURE_SECONDS = 10
STALE_SECONDS = 86_400  # after max-age, while the key server cannot be reached

_MAX_AGE = re.compile(r"\bmax-age=(\d{1,9})\b", re.IGNORECASE)

_pool = deadlines.apply_to(urllib3.PoolManager(maxsize=1, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where()))


class GoogleUnavailable(Unavailable):
    """No key is at hand that could verify the token, and none can be fetched."""

    code = "google_unavailable"
    message = "Google's keys cannot be fetched at the moment. Please try again."
    retry_after_seconds = PAUSE_AFTER_FAILURE_SECONDS


class _Fetched(NamedTuple):
    """X.509 certificates in PEM, by key id, and for how many seconds they are fresh."""

    certificates: Mapping[str, str]
    fresh_seconds: int


class _UnusableResponse(Exception):
    """The key server responded with something else than keys."""


class Keys:
    """The keys of one process."""

    clock = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._lock = threading.Lock()  # for the attributes below; held for moments only
        self._certificates: Mapping[str, str] = MappingProxyType({})
        self._fresh_until = self._usable_until = self._next_fetch_at = float("-inf")
        self._has_failed = False  # the last fetch
        self._running: threading.Event | None = None  # set at the end of the fetch in progress

    def certificate(self, key_id: str) -> str | None:
        """The certificate with this id in PEM; None if Google has no such key. Raises GoogleUnavailable."""
        with self._lock:
            found, running = self._usable().get(key_id), self._running
            must_fetch = running is None and self._is_due(found)
            if must_fetch:
                self._running = threading.Event()
                self._next_fetch_at = self.clock() + PAUSE_SECONDS
        if must_fetch:
            self._fetch()
        elif running is not None and found is None:
            with without_slot():
                running.wait(TIMEOUT_SECONDS + 1)
        else:
            return self._known(found)
        with self._lock:
            return self._known(self._usable().get(key_id))

    def _is_due(self, found: str | None) -> bool:
        now = self.clock()
        return (found is None or now >= self._fresh_until) and now >= self._next_fetch_at

    def _usable(self) -> Mapping[str, str]:
        return self._certificates if self.clock() < self._usable_until else {}

    def _known(self, found: str | None) -> str | None:
        """The certificate, or None. Raises GoogleUnavailable if the key may be one that could not be fetched."""
        if found is None and self._has_failed:
            raise GoogleUnavailable
        return found

    def _fetch(self) -> None:
        """Fetch the keys; keep the former ones if that fails."""
        try:
            with without_slot():
                fetched = _fetch(settings.GOOGLE_CERTS_URL)
        except (HTTPError, OSError, ValueError, RecursionError, _UnusableResponse) as exc:
            reason = str(exc) if isinstance(exc, _UnusableResponse) else type(exc).__name__
            logger.warning("google_keys.fetch_failed", extra={"reason": reason, "keys": len(self._usable())})
            self._end_fetch(None)
        except BaseException:
            self._end_fetch(None)
            raise
        else:
            logger.info("google_keys.fetched", extra={"keys": len(fetched.certificates)})
            self._end_fetch(fetched)

    def _end_fetch(self, fetched: _Fetched | None) -> None:
        with self._lock:
            now = self.clock()
            self._has_failed = fetched is None
            if fetched is None:
                self._next_fetch_at = now + PAUSE_AFTER_FAILURE_SECONDS
            else:
                self._certificates = fetched.certificates
                self._fresh_until = now + fetched.fresh_seconds
                self._usable_until = self._fresh_until + STALE_SECONDS
            running, self._running = self._running, None
        if running:
            running.set()


KEYS = Keys()


def _fetch(url: str) -> _Fetched:
    """Raises HTTPError, OSError, ValueError or RecursionError (from malformed JSON), or _UnusableResponse."""
    with deadlines.limit(TIMEOUT_SECONDS):
        response = _pool.request(
            "GET",
            url,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=urllib3.Timeout(total=TIMEOUT_SECONDS),
            preload_content=False,
            redirect=False,
            retries=False,
        )
        try:
            if response.status != 200:
                raise _UnusableResponse(f"status {response.status}")
            body = response.read(BODY_MAX + 1)
        finally:
            response.close()
    if len(body) > BODY_MAX:
        raise _UnusableResponse("the response is too long")
    return _Fetched(_certificates(json.loads(body)), _fresh_seconds(response.headers))


def _certificates(content: object) -> Mapping[str, str]:
    """The certificates by key id, each of them readable. Raises ValueError or _UnusableResponse."""
    from cryptography import x509  # noqa: PLC0415 - it takes memory; most processes never verify such a token

    if not isinstance(content, dict) or not content:
        raise _UnusableResponse("no certificates by key id")
    for certificate in content.values():
        if not isinstance(certificate, str):
            raise _UnusableResponse("no certificates by key id")
        x509.load_pem_x509_certificate(certificate.encode())
    return MappingProxyType(content)


def _fresh_seconds(headers: Mapping[str, str]) -> int:
    """How long the keys are fresh: the `max-age` less the `Age` that a cache on the way has counted."""
    match = _MAX_AGE.search(headers.get("Cache-Control", ""))
    age = headers.get("Age", "")
    seconds = int(match[1]) if match else 0
    return min(max(seconds - (int(age) if age.isdecimal() else 0), 0), FRESH_MAX_SECONDS)
