"""The row of the daily reconciliation: its position, its findings, and the result of the last run.

Its JSON has `current` (the unfinished run) and `last` (the one before). Beyond a run it keeps `rounds` (the position of
each table walk), `newest` (the last video that was checked as new) and `next_stray_part`.
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

from operations.health_checks import NO_DATABASE
from operations.reconciliation.mismatches import FILES, KINDS, MONEY, Mismatch
from operations.reconciliation.table_walk import TableWalk
from studio.media.storage.disposal import AT_ONCE
from studio.models import TaskState
from studio.observability.health import Finding, Health
from videos.models import from_now

NAME = "reconciliation"
LEASE_SECONDS = 120  # a page of money takes a second; one of files two, or a time-out if many fail
SENTENCES_MAX = 20  # kept with the counts; the log has all
EVERY = timedelta(days=1)
OLD = timedelta(hours=20)  # a run of this age no longer waits for the storage: the next one is near
OVERDUE = timedelta(days=2)  # since the last run that finished


class LeaseLost(Exception):
    """Another process took over the run, because this one seemed dead."""


class Run:
    """A run whose lease this process holds. Changes reach the database with the next write.

    `save`, `end_money`, `wait` and `finish` write, and raise LeaseLost if another process took over the run.
    """

    def __init__(self, row: TaskState) -> None:
        self._lease = row.lease
        self._state: dict[str, Any] = row.state
        if not self._state.get("current"):
            self._begin()
        self._current: dict[str, Any] = self._state["current"]

    def _begin(self) -> None:
        rounds: dict[str, Any] = self._state.get("rounds", {})
        self._state["rounds"] = {name: asdict(TableWalk.from_key(walk["after"])) for name, walk in rounds.items()}
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
        return datetime.fromisoformat(self._current["began_at"])

    def is_old(self) -> bool:
        """Whether the next run is near."""
        return timezone.now() - self.began_at > OLD

    def is_done(self, step: str) -> bool:
        return step in self._current["done"]

    @property
    def found(self) -> dict[str, int]:
        """The number of mismatches by kind, so far."""
        return dict(self._current["found"])

    def note(self, mismatch: Mismatch) -> None:
        mismatch.log()
        self._current["found"][mismatch.kind] = self._current["found"].get(mismatch.kind, 0) + 1
        if len(self._current["sentences"]) < SENTENCES_MAX:
            self._current["sentences"].append(mismatch.sentence)

    def is_first(self, step: str) -> bool:
        """Whether this run has not saved the step yet."""
        return step not in self._current["begun"]

    def spend(self, budget: str, seconds: float) -> float:
        """Add the seconds to a budget of this run; return its total."""
        spent: float = self._current["spent"].get(budget, 0.0) + seconds
        self._current["spent"][budget] = spent
        return spent

    def walk(self, name: str) -> TableWalk:
        return TableWalk(**self._state["rounds"].get(name, {}))

    def set_walk(self, name: str, walk: TableWalk) -> None:
        self._state["rounds"][name] = asdict(walk)

    def count_checked(self, number: int) -> None:
        self._current["asked"] += number

    @property
    def newest(self) -> tuple[datetime, str]:
        """`completed_at` and key of the last video that was checked as new; a day ago before the first."""
        if "newest" not in self._state:
            return timezone.now() - EVERY, ""
        at, key = self._state["newest"]
        return datetime.fromisoformat(at), key

    def set_newest(self, at: datetime, key: str) -> None:
        """Set `newest`; without a key, it means all videos of that moment and later."""
        self._state["newest"] = (at.isoformat(), key)

    def begin_new(self, at: datetime) -> None:
        """Record that new videos of this run start at this moment."""
        self._current["new_from"] = at.isoformat()

    def was_checked_as_new(self, at: datetime | None, key: str) -> bool:
        """Whether this run has checked the video with this `completed_at` and key as new."""
        begin = self._current.get("new_from")  # absent if the release before began the run
        return bool(begin and at and datetime.fromisoformat(begin) <= at and (at, key) <= self.newest)

    def take_stray_part(self, parts: int) -> int:
        """Return the number of the next part of the storage's names, and count it."""
        number: int = self._state.get("next_stray_part", 0)
        self._state["next_stray_part"] = (number + 1) % parts
        self._current["stray_parts"] += 1
        return number

    @property
    def stray_parts(self) -> int:
        """The number of parts compared in this run."""
        return int(self._current["stray_parts"])

    def save(self, step: str, *, is_done: bool) -> None:
        for steps in ("begun", "done") if is_done else ("begun",):
            if step not in self._current[steps]:
                self._current[steps].append(step)
        self._write(due_at=from_now(LEASE_SECONDS))

    def end_money(self) -> None:
        """From now on, this run's findings of money replace those of the last run."""
        if not self._current["is_money_over"]:
            self._current["is_money_over"] = True
            self._write(due_at=from_now(LEASE_SECONDS))

    def wait(self, pause: timedelta) -> None:
        """Release the run, due again after the pause."""
        self._write(due_at=from_now(pause.total_seconds()), lease=None)

    def finish(self) -> None:
        """End the run; the next one is due a day after this one began."""
        kept = ("began_at", "found", "sentences", "asked", "spent")
        last = {name: self._current[name] for name in kept}
        if not self.walk("sample").is_over:
            last["found"] = self.found | _known_lost(self._state, self.found)
        self._state |= {"last": last | {"finished_at": timezone.now().isoformat()}, "current": None}
        self._write(due_at=self.began_at + EVERY, lease=None)

    def hand_over(self) -> None:
        """Release the run, due at once from its last save."""
        _rows().filter(lease=self._lease).update(lease=None, due_at=from_now(AT_ONCE), updated_at=Now())

    def _write(self, **fields: Any) -> None:
        if not _rows().filter(lease=self._lease).update(state=self._state, updated_at=Now(), **fields):
            raise LeaseLost


def claim() -> Run | None:
    """Claim the run that is due; None if none is due, or another process holds it."""
    TaskState.objects.get_or_create(name=NAME, defaults={"due_at": from_now(AT_ONCE)})
    due = _rows().filter(due_at__lte=Now())
    lease = uuid.uuid4()
    # exists() first: on SQLite even an UPDATE without a row takes the only write lock
    if not due.exists() or not due.update(lease=lease, due_at=from_now(LEASE_SECONDS), updated_at=Now()):
        return None
    return Run(_rows().get(lease=lease))


@dataclass(frozen=True)
class LastReconciliation:
    """The result of the last reconciliation, for `doctor` and `/metrics`."""

    finished_at: datetime | None  # None: no run has finished yet
    is_running: bool  # a run has begun and is not over, whether or not a process holds it
    found: dict[str, int]  # by each of mismatches.KINDS, the unfinished run included
    sentences: tuple[str, ...]  # the first of them
    videos_checked: int  # in the last finished run
    share_of_round: float  # the part of all videos that the current walk has passed, from 0 to 1


def last_reconciliation() -> LastReconciliation:
    """Read it with one query. Raises DatabaseError."""
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
        videos_checked=last.get("asked", 0),
        share_of_round=TableWalk(**state.get("rounds", {}).get("sample", {})).share(),
    )


def record_complete(found: Counter[str], sentences: list[str]) -> None:
    """Save the findings of a complete `manage.py reconcile` as the last result, unless a process holds a run.

    An unfinished run ends with that: the result covers all that it had found, and all that it had yet to compare.
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
    """At least the former number of lost files: a run that did not reach all files says nothing about the others."""
    before: int = _summary(state).found["lost file"]
    return {"lost file": before} if before > found.get("lost file", 0) else {}


def check() -> Finding:
    """The health check: whether all money that was compared agrees."""
    try:
        row = _rows().first()
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    if row is None:
        return Finding(Health.OK, "It has not begun yet; the sweeper runs it.")
    last = _summary(row.state)
    if money := sum(last.found[kind] for kind in MONEY):
        first = f" The first: {last.sentences[0]}" if last.sentences else ""
        return Finding(
            Health.DEGRADED, f"{money} mismatches of balances, charges or refunds; see manage.py reconcile.{first}"
        )
    if timezone.now() - (last.finished_at or row.created_at) > OVERDUE:
        return Finding(Health.DEGRADED, "It has not finished for two days; see the sweeper's log.")
    others = sum(last.found.values())
    files = f" {others} mismatches of files or the storage; see manage.py reconcile." if others else ""
    return Finding(Health.OK, f"All money that was compared agrees.{files}")


def _rows() -> Any:
    return TaskState.objects.filter(name=NAME)
