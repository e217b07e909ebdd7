"""A customer's client that rebuilds all jobs from the stream of events alone, and connects again after each cut."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx

SECONDS = 15  # for a stream to catch up
PAUSE_SECONDS = 0.2  # until it connects again


class StreamClient:
    """Follows one customer's stream until `stop`."""

    def __init__(self, *, live_url: str, web: httpx.Client) -> None:
        self._url = f"{live_url}/api/v1/video-jobs/events"
        self._web = web
        self._last = 0
        self._jobs: dict[str, Any] = {}
        self._faults: list[str] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="stream", daemon=True)
        self.cuts = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(SECONDS)

    def faults(self) -> Iterator[str]:
        """What differs from the API's list once the stream had time to catch up, and what the stream did wrong."""
        deadline = time.monotonic() + SECONDS
        while (wrong := self._differences()) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        yield from wrong
        with self._lock:
            yield from self._faults
            self._faults.clear()

    def _differences(self) -> list[str]:
        listed = {job["id"]: _shown(job) for job in self._list()}
        with self._lock:
            followed = dict(self._jobs)
        return [
            f"the stream has job {key} as {followed.get(key)}, the list as {listed.get(key)}"
            for key in followed.keys() | listed.keys()
            if followed.get(key) != listed.get(key)
        ]

    def _list(self) -> list[Any]:
        jobs: list[Any] = []
        while True:
            page = self._web.get("/api/v1/video-jobs", params={"skip": len(jobs), "limit": 100}).json()
            jobs += page["items"]
            if len(jobs) >= page["total"] or not page["items"]:
                return jobs

    def _follow(self) -> None:
        headers = dict(self._web.headers)
        while not self._stopping.is_set():
            try:
                head = headers | {"Last-Event-ID": str(self._last)}
                with httpx.stream("GET", self._url, headers=head, timeout=30) as response:
                    for block in _blocks(response.iter_lines()):
                        self._take(block)
                        if self._stopping.is_set():
                            return
            except httpx.HTTPError:
                self.cuts += 1
            time.sleep(PAUSE_SECONDS)

    def _take(self, block: dict[str, str]) -> None:
        number, kind = int(block.get("id", self._last)), block.get("event", "")
        with self._lock:
            if kind == "reset":
                self._faults.append(f"a reset after {self._last}")
            elif kind and number <= self._last:
                self._faults.append(f"event {number} came after {self._last}")
            self._last = number
            if kind == "job.deleted":
                self._jobs.pop(json.loads(block["data"])["id"], None)
            elif kind.startswith("job."):
                job = json.loads(block["data"])
                self._jobs[job["id"]] = _shown(job)


def _blocks(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    block: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            block[name] = value
        else:
            yield block
            block = {}


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    """Without `updatedAt`, which moves with each poll."""
    return {name: value for name, value in job.items() if name != "updatedAt"}
