"""A client that rebuilds all jobs from events alone: what it has must be what the rows say, whatever died meanwhile."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.chaos.database import Database, Row

EVERY_SECONDS = 0.3
SHOWN = (
    "id, phase, progress_percentage, error_code, error_message, tokens_charged, tokens_refunded, video, poster, "
    "started_at, completed_at, delivered_seconds, delivered_aspect_ratio"
)  # the columns that GET /video-jobs shows and that a step changes


class Listener:
    """Reads the events of each owner after the last one it has seen, and then the present row of each job named.

    It does nothing if the release in `project` is older than 1.2, which records no events.
    """

    def __init__(self, database: Database, *, project: Path) -> None:
        self._database = database
        self._has_events = (project / "videos/models/events.py").exists()
        self._seen: dict[str, int] = {}
        self._jobs: dict[str, Row] = {}
        self._faults: list[str] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)

    def start(self) -> None:
        if self._has_events:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._has_events:
            self._thread.join()

    def faults(self) -> Iterator[str]:
        """Catch up, then compare with the rows. Rows may change meanwhile; a last difference is a fault."""
        if not self._has_events:
            return
        for _ in range(10):
            self.catch_up()
            rows = {row["id"]: row for row in self._database.rows(f"SELECT {SHOWN} FROM videos_videojob")}
            wrong = [key for key in self._jobs.keys() | rows.keys() if self._jobs.get(key) != rows.get(key)]
            if not wrong:
                break
            self._stopping.wait(EVERY_SECONDS)
        yield from (f"the listener has job {key} as {self._jobs.get(key)}, its row is {rows.get(key)}" for key in wrong)
        yield from self._faults
        self._faults.clear()

    def catch_up(self) -> None:
        """Read the events that are committed by now."""
        with self._lock:
            for counter in self._database.rows("SELECT owner_id, last_number FROM videos_eventcounter"):
                owner, last = counter["owner_id"], counter["last_number"]
                if last > self._seen.get(owner, 0):
                    self._read(owner, last)

    def _read(self, owner: str, last: int) -> None:
        seen = self._seen.get(owner, 0)
        events = self._database.rows(
            f"SELECT number, job_id FROM videos_event WHERE owner_id = {self._database.literal(owner)}"
            f" AND number > {seen} ORDER BY number"
        )
        numbers = [event["number"] for event in events]
        if numbers != list(range(seen + 1, seen + 1 + len(numbers))) or not numbers or numbers[-1] < last:
            self._faults.append(f"the events of {owner} after {seen} have the numbers {numbers}, the last is {last}")
        self._show(sorted({event["job_id"] for event in events}))
        self._seen[owner] = max([last, *numbers])

    def _show(self, job_ids: Sequence[str]) -> None:
        keys = ", ".join(map(self._database.literal, job_ids))
        rows = self._database.rows(f"SELECT {SHOWN} FROM videos_videojob WHERE id IN ({keys})")
        for job_id in job_ids:
            self._jobs.pop(job_id, None)
        self._jobs |= {row["id"]: row for row in rows}

    def _listen(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            self.catch_up()
