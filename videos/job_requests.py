"""A request for a video, in checked values."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from studio.idempotency import digest_of
from studio.media.images import ImageFile
from videos.models import JobInput

Role = JobInput.Role


@dataclass(frozen=True, kw_only=True)
class VideoJobRequest:
    """One requested video."""

    prompt: str
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    mock_mode: bool
    look_id: str = ""
    use_look_image: bool = True
    initial_image: ImageFile | None = None
    end_frame: ImageFile | None = None
    reference_images: tuple[ImageFile, ...] = ()
    retry_of: str = ""  # the id of the failed job that it repeats

    def pictures(self) -> Iterator[tuple[str, int, ImageFile]]:
        """Every picture with its role and its position in the role."""
        if self.initial_image:
            yield Role.FIRST_FRAME, 0, self.initial_image
        if self.end_frame:
            yield Role.LAST_FRAME, 0, self.end_frame
        for position, picture in enumerate(self.reference_images):
            yield Role.REFERENCE, position, picture

    def opens_with(self, look_image: str) -> bool:
        """Whether the first frame is the look's image."""
        return bool(look_image and self.use_look_image and not self.initial_image)

    def digest(self) -> str:
        """Identify a repeated request: the hexadecimal SHA-256 of a canonical JSON.

        Its keys are sorted: the fields except pictures and an empty `retry_of`, and `pictures`, a list of role,
        position and SHA-256 of each. The log has it in place of the prompt.
        """
        facts: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("initial_image", "end_frame", "reference_images"):
            facts.pop(name)
        if not self.retry_of:  # digests of releases without retries lack it
            facts.pop("retry_of")
        facts["pictures"] = [
            (role, position, hashlib.sha256(picture.data).hexdigest()) for role, position, picture in self.pictures()
        ]
        return digest_of(facts)
