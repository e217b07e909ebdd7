"""The fakes of Google and Cloudinary, with a different video for each job and traps at their calls.

A trap goes off at one moment of a call: when it has arrived and nothing is done yet, when it is processed and the
response still to come, or when the response has been sent. The suite decides what it does (kill the caller, freeze it).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes import cloudinary, google
from tests.fakes.google_account import Fault, Work, video_of_length

MODEL = "gemini-omni-1.2-flash"  # makes the videos
RETIRED = "gemini-omni-1.1-flash"  # Google has it no longer; before MODEL in the catalogue
REFUSAL = "refused submit"  # a submit of RETIRED, as a call
NOT_CHARGED = "We encountered an issue with the audio for your prompt. You have not been charged for this attempt."
MOMENTS = ("arrived", "processed", "responded")
Shot = Callable[[], None]


@dataclass
class Trap:
    """Fires at the next call of a kind. `aim` gets the caller's port while the caller is sure to be connected."""

    call: str
    moment: str
    aim: Callable[[int], Shot]


class Traps:
    """The armed traps, shared by both vendors; each goes off once."""

    def __init__(self) -> None:
        self._set: list[Trap] = []
        self._lock = threading.Lock()

    def add(self, call: str, moment: str, aim: Callable[[int], Shot]) -> None:
        with self._lock:
            self._set.append(Trap(call, moment, aim))

    @property
    def is_set(self) -> bool:
        """Whether a trap is still armed."""
        return bool(self._set)

    def clear(self) -> int:
        """Disarm the remaining traps; returns how many they were."""
        with self._lock:
            left = len(self._set)
            self._set.clear()
        return left

    def spring(self, call: str, moment: str, port: int) -> bool:
        """Let the first trap for this moment go off; False without one."""
        shot = self.aim(call, moment, port)
        if shot:
            shot()
        return shot is not None

    def aim(self, call: str, moment: str, port: int) -> Shot | None:
        """The shot of the first trap for this moment, to be fired by the caller."""
        with self._lock:
            trap = next((trap for trap in self._set if (trap.call, trap.moment) == (call, moment)), None)
            if trap:
                self._set.remove(trap)
        return trap.aim(port) if trap else None


class GoogleHandler(google.Handler):
    """The fake's handler, with traps."""

    server: "Google"
    _call = ""

    def _play(self, action: str, body: Any, act: Callable[[Fault], None], *, on: str | None = None) -> None:
        call = "redirect" if on == "" else action
        if action == "submit" and body["model"] in self.server.account.retired:
            call = REFUSAL
        self.server.moments.append((time.monotonic(), call, self.path))
        if self.server.traps.spring(call, "arrived", self.client_address[1]):
            self._reset()
            return
        self._call = call
        super()._play(action, body, act, on=on)
        self._call = ""

    def _send(self, status: int, data: bytes, headers: dict[str, str], *, length: int | None = None) -> None:
        port = self.client_address[1]
        if self._call:
            if self._call == "submit":
                time.sleep(self.server.submit_seconds)
            self.server.traps.spring(self._call, "processed", port)
        shot = self.server.traps.aim(self._call, "responded", port)
        super()._send(status, data, headers, length=length)
        if shot:
            shot()


class Google(google.FakeGoogle):
    """The fake of Google; `moments` records time, kind and path of each call."""

    def __init__(self, *, traps: Traps, **account: Any) -> None:
        super().__init__(omni_gives_urls=True, retired={RETIRED}, **account)
        self.RequestHandlerClass = GoogleHandler
        self.traps = traps
        self.submit_seconds = 0.0  # between accepting a video and responding
        self.moments: list[tuple[float, str, str]] = []
        self.account.video_of = unique_video  # type: ignore[method-assign]

    def calls(self, kind: str) -> int:
        """How many calls of this kind have arrived."""
        return sum(call == kind for _, call, _ in list(self.moments))

    def works_by_prompt(self) -> dict[str, list[Work]]:
        """The accepted works, which are paid for: all but those that Google gives up at no charge."""
        found: dict[str, list[Work]] = {}
        with self.account.lock:
            works = list(self.account.works.values())
        for work in works:
            if work.end.message != NOT_CHARGED:
                found.setdefault(work.prompt, []).append(work)
        return found


def unique_video(work: Work) -> bytes:
    """A video that no other job has: the work's name is in a box that players skip (ISO/IEC 14496-12, 8.1.2)."""
    name = work.name.encode()
    return video_of_length(work.seconds) + (len(name) + 8).to_bytes(4) + b"free" + name


class CloudinaryHandler(cloudinary.Handler):
    """The fake's handler, with traps."""

    server: "Cloudinary"
    _call = ""

    def _play(self, call: dict[str, Any], act: Callable[[], None]) -> None:
        kind = "video" if "/video/" in self.path else "image"
        self._call = f"{call['action']} {kind}"
        if self.server.traps.spring(self._call, "arrived", self.client_address[1]):
            self._reset()
            return
        super()._play(call, act)
        self._call = ""

    def _send(self, status: int, data: bytes, headers: dict[str, str], *, fault: str = "") -> None:
        port = self.client_address[1]
        if self._call:
            self.server.traps.spring(self._call, "processed", port)
        shot = self.server.traps.aim(self._call, "responded", port)
        super()._send(status, data, headers, fault=fault)
        if shot:
            shot()


class Cloudinary(cloudinary.FakeCloudinary):
    def __init__(self, *, traps: Traps) -> None:
        super().__init__()
        self.RequestHandlerClass = CloudinaryHandler
        self.traps = traps

    def files(self) -> dict[str, bytes]:
        """The stored bytes by kind and name (`video:chaos/videos/1`); a poster has the name of its video."""
        with self.account.lock:
            return {f"{kind}:{public_id}": stored.data for (kind, public_id), stored in self.account.files.items()}
