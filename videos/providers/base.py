"""The interface between the engine and a video provider, and the failures that an adapter may raise."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from django.core.files.storage import Storage


@dataclass(frozen=True)
class Image:
    """An image in storage, read on first use."""

    storage: Storage
    name: str
    content_type: str

    @cached_property
    def data(self) -> bytes:
        """The bytes of the image. Raises OSError, or the storage's own error, if it cannot be read."""
        with self.storage.open(self.name) as file:
            return bytes(file.read())


@dataclass(frozen=True, kw_only=True)
class VideoSpec:
    """The requested video.

    `attempt` counts the failed tries of the current phase; `missing` counts those in which the provider did not have
    the operation or its video.
    """

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
        """Load every image now. Raises as Image.data does."""
        for image in (self.first_frame, self.last_frame, *self.references):
            if image:
                _ = image.data


@dataclass(frozen=True)
class Operation:
    """Work that the provider has accepted: its name at the provider, and the delay before the first useful poll."""

    name: str
    first_poll_seconds: float


@dataclass(frozen=True)
class Progress:
    """The operation is still running.

    `percentage` (0-100) and `next_poll_seconds` are None where the provider reports none. `note` is for staff, such
    as an unknown status; it is logged once per job.
    """

    percentage: int | None = None
    next_poll_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Finished:
    """The video is ready; `result` is what `fetch` needs to get the file."""

    result: str


class ProviderError(Exception):
    """A provider's failure. `code` is one of videos.failures; the message is the vendor's, for logs and staff only."""

    retryable = False

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class NotAccepted(ProviderError):
    """From `start`: the provider certainly did not accept the job; try again later.

    `lasts`: the limit may last for hours, and does not count against the job. `pause_seconds`: the pause that the
    provider requests.
    """

    retryable = True

    def __init__(
        self, message: str, *, code: str = "provider_busy", lasts: bool = False, pause_seconds: float = 0
    ) -> None:
        super().__init__(message, code=code)
        self.lasts, self.pause_seconds = lasts, pause_seconds


class ProbablyNotAccepted(ProviderError):
    """From `start`: the provider refused for now, but it may have accepted and billed the job.

    The engine tries again once (schedule.DOUBTFUL_SUBMITS), after `pause_seconds` if the provider asks for a pause.
    """

    retryable = True

    def __init__(self, message: str, *, pause_seconds: float = 0) -> None:
        super().__init__(message, code="provider_busy")
        self.pause_seconds = pause_seconds


class Refused(ProviderError):
    """Final. From `start`: certainly not accepted. From `poll` and `fetch`: there will be no video."""

    def __init__(self, message: str, *, code: str = "provider_refused") -> None:
        super().__init__(message, code=code)


class OutcomeUnknown(ProviderError):
    """From `start`: the provider may have accepted and billed the job, so it is never tried again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="submission_unknown")


class NotCharged(ProviderError):
    """From `poll`: the provider gave up and charges nothing, so the job may be submitted again.

    `code` is the job's error code once the tries are used up.
    """

    def __init__(self, message: str, *, code: str = "generation_failed") -> None:
        super().__init__(message, code=code)


class Unreachable(ProviderError):
    """From `poll` and `fetch`: the state of the video is unknown; ask again.

    `is_denied`: the provider rejected our credentials, for example after the key was replaced. `is_missing`: it has no
    operation of that name, or no video in it; counts towards `VideoSpec.missing`.
    """

    retryable = True

    def __init__(
        self, message: str, *, code: str = "result_expired", is_denied: bool = False, is_missing: bool = False
    ) -> None:
        super().__init__(message, code=code)
        self.is_denied = is_denied
        self.is_missing = is_missing


class Cancelling(Protocol):
    """A vendor that can stop an operation; `registry.CANCELLING` lists them."""

    def cancel(self, operation: str) -> None:
        """Ask to stop the operation. It may end and be billed all the same. Raises Refused or Unreachable."""
        ...


class Provider(Protocol):
    """One vendor. Raises ProviderError and nothing else; sets a time-out on every call.

    `start` is called once per paid job, and again only after NotAccepted or one ProbablyNotAccepted. The other methods
    may be called any number of times. `poll` and `check_file` get the request without its images.
    """

    # whether a repeated `start` costs nothing, so that the engine repeats a lost one
    start_is_free: bool

    def start(self, request: VideoSpec) -> Operation:
        """Submit the job. Raises NotAccepted, ProbablyNotAccepted, Refused or OutcomeUnknown."""
        ...

    async def poll(self, operation: str, request: VideoSpec) -> Progress | Finished:
        """Ask for the state of the operation. Raises Refused, NotCharged or Unreachable."""
        ...

    def probe(self) -> None:
        """Make a request that costs nothing, to check our credentials. Raises ProviderError."""
        ...

    def has_model(self, name: str) -> bool:
        """Ask, free of charge, whether the provider has this model now. Raises ProviderError if it does not say."""
        ...

    def check_file(self, result: str, request: VideoSpec) -> None:
        """Ask, free of charge, whether `fetch` would find the file. Raises Refused if not, or Unreachable."""
        ...

    def fetch(self, result: str, request: VideoSpec, destination: Path) -> None:
        """Write the finished MP4 to the file `destination`. Raises Refused or Unreachable."""
        ...
