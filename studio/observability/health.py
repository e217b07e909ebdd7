"""Is all well? Checks that the apps register, answered to load balancers (`/healthz`, `/readyz`) and to `doctor`."""

import hmac
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, JsonResponse

from studio.http.requests import logged

logger = logging.getLogger(__name__)

READY_SECONDS = 2.5  # for an answer of /readyz; load balancers wait five, usually
STUCK_SECONDS = 10.0  # a round that takes longer is left to itself, and another one begins
MOST_STUCK = 3  # rounds; a thread and a connection each


class Health(IntEnum):
    """How bad it is."""

    OK = 0
    DEGRADED = 1  # requests are answered, but something waits or fails
    DOWN = 2  # requests cannot be answered


class Depth(IntEnum):
    """How far an examination goes."""

    QUICK = 0  # within milliseconds: what `/readyz` answers with
    THOROUGH = 1  # `doctor`: asks storage and providers
    PROBE = 2  # `doctor --probe`: asks providers about each model


WORDS = {Health.OK: "ready", Health.DEGRADED: "degraded", Health.DOWN: "unready"}


@dataclass(frozen=True)
class Finding:
    """What a check has found, in a sentence for an operator."""

    health: Health
    sentence: str


@dataclass(frozen=True)
class Check:
    """A question, and what it means when no answer comes in time."""

    find: Callable[[], Finding]
    depth: Depth
    if_late: Health


_checks: dict[str, Check] = {}


def register(
    name: str, find: Callable[[], Finding], *, depth: Depth = Depth.QUICK, if_late: Health = Health.DEGRADED
) -> None:
    """Add a check for examinations of this depth and deeper ones."""
    _checks[name] = Check(find, depth, if_late)


def examine(*, depth: Depth) -> dict[str, Finding]:
    """Run the checks, the quick ones first; one that raises has found that it is down."""
    return {name: _run(check) for name, check in sorted(_to(depth), key=lambda item: item[1].depth)}


def _to(depth: Depth) -> list[tuple[str, Check]]:
    return [(name, check) for name, check in _checks.items() if check.depth <= depth]


def _run(check: Check) -> Finding:
    try:
        return check.find()
    except Exception as exc:  # the edge: whatever broke is what the check is there to tell
        logger.warning("health check failed", exc_info=True)
        return Finding(Health.DOWN, f"The check itself failed: {type(exc).__name__}.")


class _Round:
    """The quick checks, run once in a thread of their own: a part that hangs must not hang who asks about it."""

    def __init__(self) -> None:
        self.began_at = time.monotonic()
        self.done = threading.Event()
        self._findings: dict[str, Finding] = {}
        # first what decides: a Redis that hangs must not hide that the database answers
        self._checks = sorted(_to(Depth.QUICK), key=lambda item: -item[1].if_late)
        threading.Thread(target=self._work, name="readyz", daemon=True).start()

    def _work(self) -> None:
        try:
            for name, check in self._checks:
                self._findings[name] = _run(check)
        finally:
            connections.close_all()  # this thread's own
            self.done.set()

    def findings(self) -> dict[str, Finding]:
        """What was found by now."""
        found = dict(self._findings)
        late = f"No answer within {READY_SECONDS} s."
        return {name: found.get(name) or Finding(check.if_late, late) for name, check in self._checks}


class Watch:
    """Answers who asks, however many they are, with one round at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rounds: list[_Round] = []  # that are not done

    def findings(self) -> dict[str, Finding]:
        """What the checks find now; those that have not answered in time are late."""
        current = self._current()
        # From the round's beginning, so that many who ask while a part hangs do not hold a thread each for long.
        current.done.wait(max(current.began_at + READY_SECONDS - time.monotonic(), 0))
        return current.findings()

    def _current(self) -> _Round:
        with self._lock:
            self._rounds = [round_ for round_ in self._rounds if not round_.done.is_set()]
            is_stuck = bool(self._rounds) and time.monotonic() - self._rounds[-1].began_at > STUCK_SECONDS
            if not self._rounds or (is_stuck and len(self._rounds) < MOST_STUCK):
                self._rounds.append(_Round())
            return self._rounds[-1]


_watch = Watch()
_stopping = threading.Event()
STOPPING = {"process": Finding(Health.DOWN, "This process stops. Send requests to another one.")}


def stop() -> None:
    """From now on `/readyz` answers 503: the process stops, and ends the requests that it still gets."""
    _stopping.set()


def is_stopping() -> bool:
    """Whether the process was asked to stop."""
    return _stopping.is_set()


def healthz(request: HttpRequest) -> JsonResponse:
    """Alive: this process answers. Says nothing about what it depends on."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Ready to take requests: 200, also when degraded; 503 when not. Sentences only for who has METRICS_TOKEN."""
    findings = STOPPING if is_stopping() else _watch.findings()
    worst = max(finding.health for finding in findings.values())
    is_told = has_metrics_token(request)
    checks = {
        name: {"status": finding.health.name.lower()} | ({"detail": finding.sentence} if is_told else {})
        for name, finding in findings.items()
    }
    answer = JsonResponse({"status": WORDS[worst], "checks": checks}, status=503 if worst == Health.DOWN else 200)
    logged(answer)  # who asks reads why; each 503 would be an error
    return answer


def has_metrics_token(request: HttpRequest) -> bool:
    """Whether the request comes from one of those who watch; never while METRICS_TOKEN is unset."""
    given = re.sub("^bearer +", "", request.headers.get("Authorization", ""), flags=re.IGNORECASE)
    token = settings.METRICS_TOKEN
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())
