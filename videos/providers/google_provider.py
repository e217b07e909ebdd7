"""The base of Google's adapters."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google import genai

from videos.providers.base import Finished, Progress, Unreachable, VideoSpec
from videos.providers.google_client import VENDOR_ERRORS, GoogleBackend
from videos.providers.google_failures import MISSING_POLLS, OPERATION_LOST, RESULT_LOST, poll_failure
from videos.providers.google_names import require_same_operation
from videos.providers.operation_names import require_path


class GoogleProvider(ABC):
    """What Veo and Omni have in common: polling, and the video at a URL or inside the response to a poll."""

    start_is_free = False
    lost: Mapping[int, str] = OPERATION_LOST  # the meaning of a status that persists while the operation is polled
    backend: GoogleBackend

    @abstractmethod
    def get(self, client: genai.Client, name: str) -> Any:
        """Request the operation. Raises VENDOR_ERRORS or Unreachable."""

    @abstractmethod
    def name_in(self, response: Any) -> object:
        """The name of the operation in the response, if any."""

    @abstractmethod
    def state_in(self, response: Any, name: str) -> Progress | Finished:
        """The state of the operation. Raises Refused, NotCharged or Unreachable."""

    async def poll(self, operation: str, request: VideoSpec) -> Progress | Finished:
        """Fetch the operation once, in a thread."""
        return await self.backend.run_poll(lambda: self._state(operation, request.missing, self.lost))

    def probe(self) -> None:
        self.backend.probe()

    def has_model(self, name: str) -> bool:
        return self.backend.has_model(name)

    def check_file(self, result: str, request: VideoSpec) -> None:
        """Check the URL of the file, or the operation that contains the video."""
        if "://" in result:
            self.backend.check_file(result)
        elif not isinstance(self._state(result, MISSING_POLLS, RESULT_LOST), Finished):
            raise Unreachable("the operation is running again")

    def fetch(self, result: str, request: VideoSpec, destination: Path) -> None:
        """Save the file at the URL, or the video inside the operation."""
        if "://" in result:
            self.backend.save_file(result, destination, missing=request.missing)
        else:
            self.backend.save_inline_video(
                lambda client: self._fetch_operation(client, result, request.missing, RESULT_LOST),
                destination,
                missing=request.missing,
            )

    def _state(self, name: str, missing: int, lost: Mapping[int, str]) -> Progress | Finished:
        return self.state_in(self._fetch_operation(self.backend.poll_client(), name, missing, lost), name)

    def _fetch_operation(self, client: genai.Client, name: str, missing: int, lost: Mapping[int, str]) -> Any:
        require_path(name)  # the SDK copies it into the URL unescaped
        try:
            response = self.get(client, name)
        except VENDOR_ERRORS as exc:
            raise poll_failure(exc, missing=missing, lost=lost) from exc
        require_same_operation(self.name_in(response), requested=name)
        return response
