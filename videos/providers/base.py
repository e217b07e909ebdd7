"""What every provider of videos looks like to the engine, and what its failures mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from django.core.files.storage import Storage


@dataclass(frozen=True)
class Image:
    """A picture in storage; read when it is first needed."""

    storage: Storage
    name: str
    content_type: str

    @cached_property
    def data(self) -> bytes:
        """Its bytes. Raises OSError, or what the storage raises, when it is not there."""
        with self.storage.open(self.name) as file:
            return bytes(file.read())


@dataclass(frozen=True, kw_only=True)
class VideoSpec:
    """What to make. Of this step `attempt` tries have failed before; in `missing` of them the provider had nothing."""

    job_id: str
    model: str
    prompt: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    first_frame: Image | None = None
    last_frame: Image | None = None
    references: Sequence[Image] = ()
    attempt: int = 0
    missing: int = 0

    def read_images(self) -> None:
        """Load every picture now. Raises as Image.data does."""
        for image in (self.first_frame, self.last_frame, *self.references):
            if image:
                _ = image.data


@dataclass(frozen=True)
class Operation:
    """Work that the provider has accepted: its name there, and when a first look makes sense."""

    name: str
    first_poll_seconds: float


@dataclass(frozen=True)
class Progress:
    """Still at work; `percentage` (0-100) where the provider tells it, `next_poll_seconds` where it knows better.

    `note` is what staff should know of the reply, such as a status that we do not know; it is logged once a job.
    """

    percentage: int | None = None
    next_poll_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Finished:
    """Done; `result` is what `fetch` needs to get the file."""

    result: str


class ProviderError(Exception):
    """A provider's failure. `code` is one of videos.failures; the message is the vendor's, for logs and staff only."""

    retryable = False

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class NotAccepted(ProviderError):
    """From `start`: surely not accepted, and worth another try later.

    `lasts`: a limit that may stay for long, and says nothing against the job. `pause_seconds`: what the provider asks.
    """

    retryable = True

    def __init__(
        self, message: str, *, code: str = "provider_busy", lasts: bool = False, pause_seconds: float = 0
    ) -> None:
        super().__init__(message, code=code)
        self.lasts, self.pause_seconds = lasts, pause_seconds


class ProbablyNotAccepted(ProviderError):
    """From `start`: refused for the moment, by the provider itself, yet it may have been accepted and paid for.

    To be tried again once (schedule.DOUBTFUL_SUBMITS), after `pause_seconds` where the provider asks for them.
    """

    retryable = True

    def __init__(self, message: str, *, pause_seconds: float = 0) -> None:
        super().__init__(message, code="provider_busy")
        self.pause_seconds = pause_seconds


class Refused(ProviderError):
    """The provider's verdict: from `start` surely not accepted, from `poll` and `fetch` no video will come."""

    def __init__(self, message: str, *, code: str = "provider_refused") -> None:
        super().__init__(message, code=code)


class OutcomeUnknown(ProviderError):
    """From `start`: it may have been accepted and paid for. Never tried again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="submission_unknown")


class NotCharged(ProviderError):
    """From `poll`: the provider gave the work up and charges nothing, so that it may be sent again.

    `code` is how the job ends when the tries are used up.
    """

    def __init__(self, message: str, *, code: str = "generation_failed") -> None:
        super().__init__(message, code=code)


class Unreachable(ProviderError):
    """From `poll` and `fetch`: says nothing about the video; ask again.

    `is_denied`: the provider has answered, and does not let us in: a key that was exchanged, for one. `is_missing`: it
    has nothing of that name, or no video there, which counts for `Request.missing`.
    """

    retryable = True

    def __init__(
        self, message: str, *, code: str = "result_expired", is_denied: bool = False, is_missing: bool = False
    ) -> None:
        super().__init__(message, code=code)
        self.is_denied = is_denied
        self.is_missing = is_missing


class Provider(Protocol):
    """One vendor. Raises ProviderError and nothing else; sets a time-out on every call.

    `start` is called at most once a paid job, unless it raised NotAccepted, or once ProbablyNotAccepted; the others any
    number of times.
    `poll` and `check_file` get the request without its pictures.
    """

    # whether a repeated `start` costs nothing, so that a lost one is simply tried again
    start_is_free: bool

    def start(self, request: VideoSpec) -> Operation:
        """Hand the work over. Raises NotAccepted, ProbablyNotAccepted, Refused or OutcomeUnknown."""
        ...

    async def poll(self, operation: str, request: VideoSpec) -> Progress | Finished:
        """Look at the work. Raises Refused, NotCharged or Unreachable."""
        ...

    def probe(self) -> None:
        """Ask for something that costs nothing, to see whether we are let in. Raises ProviderError."""
        ...

    def has_model(self, name: str) -> bool:
        """Ask, free of charge, whether the provider has this model now. Raises ProviderError when it does not say."""
        ...

    def check_file(self, result: str, request: VideoSpec) -> None:
        """Ask, free of charge, whether `fetch` would find the file. Raises Refused when not, and Unreachable."""
        ...

    def fetch(self, result: str, request: VideoSpec, destination: Path) -> None:
        """Write the finished MP4 to the file `destination`. Raises Refused or Unreachable."""
        ...
