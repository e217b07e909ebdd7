"""A provider that costs nothing and needs no network: it draws its own videos, which take time like real ones.

The name of an operation contains its whole state, so it survives a restart. Markers in the prompt select the outcome
(see SCENARIOS), so you can exercise every job state.
"""

import re
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from django.conf import settings

from videos.providers.base import (
    Finished,
    NotAccepted,
    Operation,
    OutcomeUnknown,
    Progress,
    Refused,
    Unreachable,
    VideoSpec,
)
from videos.providers.mock_video import RenderError, run_encoder

SCENARIOS = ("fail", "filtered", "flaky", "refused", "unknown")
SIZES = {("720p", "16:9"): (1280, 720), ("1080p", "16:9"): (1920, 1080)}
POLL_SECONDS = 1  # a poll costs nothing, so progress can move smoothly
RENDER_SECONDS = 90  # time-out; an 8 s clip takes a few seconds on two cores
_MARKER = re.compile(r"\[mock:(\w+)(?:=(\d{1,4}))?\]")


def size_of(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """Width and height in pixels."""
    width, height = SIZES[resolution, "16:9"]
    return (width, height) if aspect_ratio == "16:9" else (height, width)


class Mock:
    """A free, local provider."""

    start_is_free = True

    def start(self, request: VideoSpec) -> Operation:
        """Accept the job, unless a marker in the prompt says otherwise."""
        markers = dict(_MARKER.findall(request.prompt))
        if "refused" in markers:
            raise Refused("mock: refused as the prompt requests")
        if "unknown" in markers:
            raise OutcomeUnknown("mock: outcome unknown as the prompt requests")
        if "flaky" in markers and request.attempt == 0:
            raise NotAccepted("mock: busy at the first try as the prompt requests")
        scenario = next((marker for marker in markers if marker in SCENARIOS), "")
        seconds = int(markers.get("slow") or settings.MOCK_VIDEO_SECONDS)
        name = urlencode({"began": f"{time.time():.3f}", "seconds": seconds, "scenario": scenario})
        return Operation(name=f"mock?{name}", first_poll_seconds=min(POLL_SECONDS, seconds))

    async def poll(self, operation: str, request: VideoSpec) -> Progress | Finished:
        """Derive the state from the time that has passed."""
        facts = {name: values[0] for name, values in parse_qs(operation.partition("?")[2]).items()}
        seconds, scenario = float(facts["seconds"]), facts.get("scenario", "")
        done = (time.time() - float(facts["began"])) / seconds if seconds else 1
        if scenario == "flaky" and 0.3 < done < 0.6:
            raise Unreachable("mock: unreachable for a while as the prompt requests")
        if done < 1:
            return Progress(percentage=int(done * 100), next_poll_seconds=POLL_SECONDS)
        if scenario == "fail":
            raise Refused("mock: failed as the prompt requests", code="generation_failed")
        if scenario == "filtered":
            raise Refused("mock: filtered as the prompt requests", code="content_filtered")
        return Finished(result="mock")

    def probe(self) -> None:
        """Always succeed."""

    def has_model(self, name: str) -> bool:
        return True

    def check_file(self, result: str, request: VideoSpec) -> None:
        """Always succeed: `fetch` can draw the video at any time."""

    def fetch(self, result: str, request: VideoSpec, destination: Path) -> None:
        if "[mock:flaky]" in request.prompt and request.attempt == 0:
            raise Unreachable("mock: download broken at the first try as the prompt requests")
        width, height = size_of(request.resolution, request.aspect_ratio)
        with tempfile.NamedTemporaryFile() as first_frame:
            if request.first_frame:
                first_frame.write(request.first_frame.data)
                first_frame.flush()
            try:
                run_encoder(
                    destination=destination,
                    width=width,
                    height=height,
                    duration_seconds=request.duration_seconds,
                    generate_audio=request.generate_audio,
                    prompt=_MARKER.sub("", request.prompt).strip(),
                    first_frame=Path(first_frame.name) if request.first_frame else None,
                    seed=request.job_id,
                    timeout_seconds=RENDER_SECONDS,
                )
            except RenderError as exc:
                raise Unreachable(f"mock: {exc}") from exc
