"""`/healthz` and `/readyz` for load balancers, and the token that shows operators the details."""

import hmac
import re
import threading
import time

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, JsonResponse

from studio.http.responses import mark_as_logged
from studio.observability import health
from studio.observability.health import Check, Depth, Finding, Health

READY_SECONDS = 2.5  # until /readyz responds; load balancers usually wait five
STUCK_SECONDS = 10.0  # a round that takes longer is abandoned, and another one starts
MOST_STUCK = 3  # abandoned rounds; each holds a thread and a connection
STATUS = {Health.OK: "ready", Health.DEGRADED: "degraded", Health.DOWN: "unready"}
STOPPING = {"process": Finding(Health.DOWN, "This process is stopping. Send requests to another one.")}


class _Round:
    """One run of the quick checks in a thread of its own, so that a check that hangs does not hang the probe."""

    def __init__(self) -> None:
        self.began_at = time.monotonic()
        self.done = threading.Event()
        self._findings: dict[str, Finding] = {}
        # the decisive ones first: a Redis that hangs must not hide that the database responds
        checks = sorted(health.checks(Depth.QUICK).items(), key=lambda item: -item[1].if_late)
        self._checks: dict[str, Check] = dict(checks)
        threading.Thread(target=self._work, name="readyz", daemon=True).start()

    def _work(self) -> None:
        try:
            for name, check in self._checks.items():
                self._findings[name] = health.run(check)
        finally:
            connections.close_all()  # this thread's own
            self.done.set()

    def findings(self) -> dict[str, Finding]:
        """What the checks have found so far; those still running are late."""
        found = dict(self._findings)
        late = f"No response within {READY_SECONDS} s."
        return {name: found.get(name) or Finding(check.if_late, late) for name, check in self._checks.items()}


class Rounds:
    """Serves any number of concurrent probes from one round at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unfinished: list[_Round] = []

    def findings(self) -> dict[str, Finding]:
        """The findings of the current round, READY_SECONDS after its start at the latest."""
        current = self._current()
        current.done.wait(max(current.began_at + READY_SECONDS - time.monotonic(), 0))
        return current.findings()

    def _current(self) -> _Round:
        with self._lock:
            self._unfinished = [round_ for round_ in self._unfinished if not round_.done.is_set()]
            is_stuck = bool(self._unfinished) and time.monotonic() - self._unfinished[-1].began_at > STUCK_SECONDS
            if not self._unfinished or (is_stuck and len(self._unfinished) < MOST_STUCK):
                self._unfinished.append(_Round())
            return self._unfinished[-1]


_rounds = Rounds()
_stopping = threading.Event()


def stop() -> None:
    """Have `/readyz` return 503 from now on: the process is stopping, and only finishes its requests."""
    _stopping.set()


def is_stopping() -> bool:
    """Whether `stop` was called."""
    return _stopping.is_set()


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while this process responds at all, whatever the state of its dependencies."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the process can take requests, also when degraded; else 503. The token adds the findings' sentences.

    The checks: `register_all` in `operations.health_checks`, `video_health_checks` and `account_health_checks`.
    """
    findings = STOPPING if is_stopping() else _rounds.findings()
    worst = max(finding.health for finding in findings.values())
    with_details = has_metrics_token(request)
    checks = {
        name: {"status": finding.health.name.lower()} | ({"detail": finding.sentence} if with_details else {})
        for name, finding in findings.items()
    }
    response = JsonResponse({"status": STATUS[worst], "checks": checks}, status=503 if worst == Health.DOWN else 200)
    mark_as_logged(response)  # the response says why; an ERROR for each 503 would say nothing more
    return response


def has_metrics_token(request: HttpRequest) -> bool:
    """Whether the request has METRICS_TOKEN as its bearer token; never while the setting is unset."""
    sent = re.sub("^bearer +", "", request.headers.get("Authorization", ""), flags=re.IGNORECASE)
    token = settings.METRICS_TOKEN
    return bool(token) and hmac.compare_digest(sent.encode(), token.encode())
