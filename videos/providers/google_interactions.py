"""Reads responses of the Interactions API: accepted, still running, finished, or ended without a video.

Responses are read as JSON, not as the SDK's classes. Measured with google-genai 3.6.1 (2026-11): the SDK rejects no
JSON, keeps unknown words and fields, and turns a body without `status`, or with only `error`, into an interaction. But
its `output_video` misses a video before a later `user_input` step. It parses a `video/mp4` content without a `type` as
audio, and unknown content as other classes. So reading its classes takes as much care.

The adapter raises Unreachable for a response that is not JSON, and the poll is repeated.
"""

import json
import re
from typing import Any

from videos.providers.base import Finished, NotCharged, OutcomeUnknown, Progress, ProviderError, Refused, Unreachable
from videos.providers.google_failures import redacted, verdict

_RUNNING = {"queued", "in_progress"}
_STALLED = "requires_continuation"  # only another paid call of the client would continue it
_MADE = {"completed", "incomplete"}
_ENDS = _MADE | {"failed", "cancelled", "budget_exceeded", "requires_action"}

STAFF_LENGTH = 10_000  # characters of a response that are kept for staff (outcomes.for_staff)
_NOTE_LENGTH = 100
_SENT = {"input", "steps", "system_instruction"}  # may contain the request; the output steps are added back
_SIGNATURE = re.compile(r"[\w+/=-]{1000,}")  # of a thought; unreadable


def accepted(response: Any) -> str:
    """The id of the interaction that a submit has started. Raises Refused or OutcomeUnknown."""
    interaction = _as_dict(response)
    if name := interaction.get("id"):
        return str(name)
    error = _error_in(interaction)
    if error and error.code == "content_filtered":
        raise error
    raise OutcomeUnknown(f"the response names no interaction: {error or ''}")


def read(response: Any, *, interaction_id: str) -> Progress | Finished:
    """The state of the interaction. Raises Refused, NotCharged or Unreachable.

    A video counts whatever the final status says: it was paid for.
    """
    interaction = _as_dict(response)
    status = str(interaction.get("status") or "")
    if status in _RUNNING:
        return Progress()
    if video := _video_in(interaction):
        # without a URL the video was inside the response; BoundedClient has removed it
        return Finished(str(video["uri"]) if _has_url(video) else interaction_id)
    if status == _STALLED:
        raise Refused(_for_staff("stalled", interaction), code="generation_stalled")
    if status in _ENDS:
        raise _failure(status, interaction)
    if status:
        return Progress(note=redacted(f"status {status}", length=_NOTE_LENGTH))
    # A blocked interaction was seen to consist of an error only. Any other error without a status is not final.
    error = _error_in(interaction)
    if error and (error.code == "content_filtered" or isinstance(error, NotCharged)):
        raise error
    raise Unreachable(f"the response is not an interaction: {error or ''}")


def _failure(status: str, interaction: dict[str, Any]) -> ProviderError:
    """Why an interaction ended without a video."""
    error, usage = _error_in(interaction), _as_dict(interaction.get("usage"))
    if _video_tokens(usage) and (status in _MADE or not error):
        return Refused(_for_staff(f"{status}, billed, but no video found", interaction), code="result_unreadable")
    if error:
        return error
    contents = _contents(interaction)
    text = " ".join(str(item.get("text") or "") for item in contents).strip()
    if status != "completed":
        return verdict(code=status, message=text or "neither a video nor an error")
    if contents and all(item.get("type") == "text" for item in contents):
        return verdict(code="safety", message=f"completed with text only: {text}")
    if usage.get("total_output_tokens") != 0:
        return Refused(_for_staff("completed, but no video found", interaction), code="result_unreadable")
    if _output_steps(interaction):
        return verdict(code=status, message="neither a video nor an error")
    return Refused("completed without any output", code="not_in_region")


def _video_in(interaction: dict[str, Any]) -> dict[str, Any] | None:
    """The last video in the output: with a `uri`, or with `data`."""
    for item in reversed([_as_dict(interaction.get("output_video")), *_contents(interaction)]):
        is_video = item.get("type") == "video" or str(item.get("mime_type")).startswith("video/")
        if is_video and (_has_url(item) or item.get("data")):
            return item
    return None


def _has_url(video: dict[str, Any]) -> bool:
    return "://" in str(video.get("uri"))


def _contents(interaction: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for step in _output_steps(interaction) for item in _dicts(step.get("content"))]


def _output_steps(interaction: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of the model; the others repeat our request."""
    return [step for step in _dicts(interaction.get("steps")) if step.get("type") != "user_input"]


def _video_tokens(usage: dict[str, Any]) -> bool:
    """Whether Google bills a video."""
    counts = _dicts(usage.get("output_tokens_by_modality"))
    return any(str(count.get("modality")).lower() == "video" and count.get("tokens") for count in counts)


def _error_in(interaction: dict[str, Any]) -> ProviderError | None:
    """The first error of the interaction or of one of its steps."""
    errors = interaction.get("errors")
    whole = [*(errors if isinstance(errors, list) else [errors]), interaction.get("error")]
    for error in [*whole, *(step.get("error") for step in _output_steps(interaction))]:
        if error:
            fields = _as_dict(error)
            return verdict(code=fields.get("code"), message=str(fields.get("message") or error))
    return None


def _for_staff(summary: str, interaction: dict[str, Any]) -> str:
    """The response for the maintainer of this module: without our request, keys and signed queries."""
    kept = {name: value for name, value in interaction.items() if name not in _SENT}
    raw = json.dumps(kept | {"steps": _output_steps(interaction)}, ensure_ascii=False)
    return redacted(f"{summary}: {_SIGNATURE.sub('…', raw)}", length=STAFF_LENGTH)


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
