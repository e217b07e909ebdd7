"""The row of the daily reconciliation: where it is, what it has found, and what the last one came to.

Its JSON: `current` (a run that is not over), `last` (the one before), and what outlives a run: `rounds` (where each
round of a table is), `newest` (the last video that was asked for as a new one) and `next_stray_part`.
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from operations.health_checks import AWAY
from operations.reconciliation.mismatches import FILES, KINDS, MONEY, Mismatch
from operations.reconciliation.rounds import Round
from studio.media.storage.disposal import AT_ONCE
from studio.models import TaskState
from studio.observability.health import Finding, Health
from videos.models import from_now

NAME = "reconciliation"
LEASE_SECONDS = 120  # a page of money takes a second; one of files two, and as long as a time-out where many fail
SENTENCES_MAX = 20  # kept beside the counts; the log has all
EVERY = timedelta(days=1)
OLD = timedelta(hours=20)  # then a run no longer waits for the storage: the next one is near
OVERDUE = timedelta(days=2)  # without one that has finished


class LeaseLost(Exception):
    """Another process has taken the run, because this one seemed dead."""


class Run:
    """One run, whose lease this process holds. Changes are in the database after the next write.

    `save`, `end_money`, `wait` and `finish` write, and raise LeaseLost where another process has taken the run.
    """

    def __init__(self, row: TaskState) -> None:
        self._lease = row.lease
        self._state: dict[str, Any] = row.state
        if not self._state.get("current"):
            self._begin()
        self._current: dict[str, Any] = self._state["current"]

    def _begin(self) -> None:
        rounds: dict[str, Any] = self._state.get("rounds", {})
        self._state["rounds"] = {name: asdict(Round.from_key(way["after"])) for name, way in rounds.items()}
        self._state["current"] = {
            "began_at": timezone.now().isoformat(),
            "begun": [],
            "done": [],
            "is_money_over": False,
            "found": {},
            "sentences": [],
            "spent": {},
            "asked": 0,
            "stray_parts": 0,
        }

    @property
    def began_at(self) -> datetime:
        """When its first page was read."""
        return datetime.fromisoformat(self._current["began_at"])

    def is_old(self) -> bool:
        """Whether the next one is near."""
        return timezone.now() - self.began_at > OLD

    def is_done(self, step: str) -> bool:
        """Whether the step is over in this run."""
        return step in self._current["done"]

    @property
    def found(self) -> dict[str, int]:
        """How many mismatches by kind, so far."""
        return dict(self._current["found"])

    def note(self, mismatch: Mismatch) -> None:
        """Log it at once, and count it."""
        mismatch.log()
        self._current["found"][mismatch.kind] = self._current["found"].get(mismatch.kind, 0) + 1
        if len(self._current["sentences"]) < SENTENCES_MAX:
            self._current["sentences"].append(mismatch.sentence)

    def is_first(self, step: str) -> bool:
        """Whether the step has saved nothing in this run yet."""
        return step not in self._current["begun"]

    def spend(self, purse: str, seconds: float) -> float:
        """Seconds of this run that went into it, these included."""
        spent: float = self._current["spent"].get(purse, 0.0) + seconds
        self._current["spent"][purse] = spent
        return spent

    def round(self, name: str) -> Round:
        """Where the round of this table is."""
        return Round(**self._state["rounds"].get(name, {}))

    def keep_round(self, name: str, way: Round) -> None:
        """Where it is now."""
        self._state["rounds"][name] = asdict(way)

    def count_asked(self, number: int) -> None:
        """So many videos more were asked for."""
        self._current["asked"] += number

    @property
    def newest(self) -> tuple[datetime, str]:
        """The end and the key of the last video that was asked for as a new one; before the first, a day ago."""
        if "newest" not in self._state:
            return timezone.now() - EVERY, ""
        at, key = self._state["newest"]
        return datetime.fromisoformat(at), key

    def keep_newest(self, at: datetime, key: str) -> None:
        """The last one now; no key for all of that moment and later."""
        self._state["newest"] = (at.isoformat(), key)

    def begin_new(self, at: datetime) -> None:
        """In this run, new videos are those from this moment on."""
        self._current["new_from"] = at.isoformat()

    def was_asked_as_new(self, at: datetime | None, key: str) -> bool:
        """Whether the video with this end and key was asked for as a new one in this run."""
        begin = self._current.get("new_from")  # a run that the release before has begun has none
        return bool(begin and at and datetime.fromisoformat(begin) <= at and (at, key) <= self.newest)

    def take_stray_part(self, parts: int) -> int:
        """The number of the part of the storage's names whose turn it is."""
        number: int = self._state.get("next_stray_part", 0)
        self._state["next_stray_part"] = (number + 1) % parts
        self._current["stray_parts"] += 1
        return number

    @property
    def stray_parts(self) -> int:
        """How many parts were compared in this run."""
        return int(self._current["stray_parts"])

    def save(self, step: str, *, is_done: bool) -> None:
        """Write down where it is."""
        for steps in ("begun", "done") if is_done else ("begun",):
            if step not in self._current[steps]:
                self._current[steps].append(step)
        self._write(due_at=from_now(LEASE_SECONDS))

    def end_money(self) -> None:
        """From now on its findings of money are the last word."""
        if not self._current["is_money_over"]:
            self._current["is_money_over"] = True
            self._write(due_at=from_now(LEASE_SECONDS))

    def wait(self, pause: timedelta) -> None:
        """Give it up for a while."""
        self._write(due_at=from_now(pause.total_seconds()), lease=None)

    def finish(self) -> None:
        """End it; the next one is due a day after this one has begun."""
        kept = ("began_at", "found", "sentences", "asked", "spent")
        last = {name: self._current[name] for name in kept}
        if not self.round("sample").is_over:
            last["found"] = self.found | _known_lost(self._state, self.found)
        self._state |= {"last": last | {"finished_at": timezone.now().isoformat()}, "current": None}
        self._write(due_at=self.began_at + EVERY, lease=None)

    def hand_over(self) -> None:
        """Have it taken up at once, from what was saved last."""
        _rows().filter(lease=self._lease).update(lease=None, due_at=from_now(AT_ONCE), updated_at=Now())

    def _write(self, **fields: Any) -> None:
        if not _rows().filter(lease=self._lease).update(state=self._state, updated_at=Now(), **fields):
            raise LeaseLost


def claim() -> Run | None:
    """The run that is due; None where none is, or another process is at work on it."""
    TaskState.objects.get_or_create(name=NAME, defaults={"due_at": from_now(AT_ONCE)})
    due = _rows().filter(due_at__lte=Now())
    lease = uuid.uuid4()
    # asked before: a write that changes nothing still takes SQLite's only lock
    if not due.exists() or not due.update(lease=lease, due_at=from_now(LEASE_SECONDS), updated_at=Now()):
        return None
    return Run(_rows().get(lease=lease))


@dataclass(frozen=True)
class LastReconciliation:
    """What the last reconciliation came to, for `doctor` and `/metrics`."""

    finished_at: datetime | None  # None: none has finished yet
    is_running: bool  # one has begun and is not over, whether a process is at work on it or not
    found: dict[
        str, int
    ]  # by every kind of operations.reconciliation.mismatches.KINDS; also what a run that is not over has found
    sentences: tuple[str, ...]  # the first of them
    videos_asked: int  # for which the storage was asked in the last one that has finished
    share_of_round: float  # how much of all videos the present round of samples has passed, from 0 to 1


def last_reconciliation() -> LastReconciliation:
    """One query. Raises DatabaseError."""
    row = _rows().first()
    return _summary(row.state if row else {})


def _summary(state: dict[str, Any]) -> LastReconciliation:
    last, current = state.get("last") or {}, state.get("current") or {}
    before, now = Counter(last.get("found", {})), Counter(current.get("found", {}))
    found = before | now  # the higher of two counts
    if current.get("is_money_over"):
        found = Counter({kind: found[kind] for kind in FILES}) + Counter({kind: now[kind] for kind in MONEY})
    sentences = [*current.get("sentences", ()), *last.get("sentences", ())]
    return LastReconciliation(
        finished_at=datetime.fromisoformat(last["finished_at"]) if last else None,
        is_running=bool(current),
        found={kind: found[kind] for kind in KINDS},
        sentences=tuple(dict.fromkeys(sentences)),
        videos_asked=last.get("asked", 0),
        share_of_round=Round(**state.get("rounds", {}).get("sample", {})).share(),
    )


def record_complete(found: Counter[str], sentences: list[str]) -> None:
    """Keep what a complete comparison by hand has found as the last result, unless a process is at work on a run.

    A run that waits ends with that: what it has found, and what it had still to look at, is in this result.
    """
    now = timezone.now()
    stamps = {"began_at": now.isoformat(), "finished_at": now.isoformat()}
    last = stamps | {"found": dict(found), "sentences": sentences[:SENTENCES_MAX], "asked": 0, "spent": {}}
    TaskState.objects.get_or_create(name=NAME, defaults={"due_at": now + EVERY})
    with transaction.atomic():
        row = _rows().select_for_update().exclude(lease__isnull=False, due_at__gt=Now()).first()
        if row is None:
            return
        if found["storage"]:
            last["found"] = dict(found) | _known_lost(row.state, found)
        fields: dict[str, Any] = {"state": row.state | {"last": last, "current": None}}
        if current := row.state.get("current"):
            fields |= {"lease": None, "due_at": datetime.fromisoformat(current["began_at"]) + EVERY}
        _rows().update(**fields, updated_at=Now())


def _known_lost(state: dict[str, Any], found: Mapping[str, int]) -> dict[str, int]:
    """Lost files, as many as before at least: a look that has not come to all files says nothing of the others."""
    before: int = _summary(state).found["lost file"]
    return {"lost file": before} if before > found.get("lost file", 0) else {}


def examine() -> Finding:
    """The health check: whether what was paid and what was booked agree, as far as was looked."""
    try:
        row = _rows().first()
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    if row is None:
        return Finding(Health.OK, "None has begun yet; the sweeper does it.")
    last = _summary(row.state)
    if money := sum(last.found[kind] for kind in MONEY):
        first = f" The first: {last.sentences[0]}" if last.sentences else ""
        return Finding(
            Health.DEGRADED, f"{money} mismatches of balances, charges or refunds; see manage.py reconcile.{first}"
        )
    if timezone.now() - (last.finished_at or row.created_at) > OVERDUE:
        return Finding(Health.DEGRADED, "None has finished for two days; see the sweeper's log.")
    others = sum(last.found.values())
    files = f" {others} of files or of the storage; see manage.py reconcile." if others else ""
    return Finding(Health.OK, f"Money agrees as far as was looked.{files}")


def _rows() -> Any:
    return TaskState.objects.filter(name=NAME)
