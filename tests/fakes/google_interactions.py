"""Omni's responses to a poll at the end of its work: the usual ones by the name of a fault, any other as given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.google_account import Fault

VIDEO = "the video"  # a placeholder in a given response for the account's form of the video


def ended(receipt: dict[str, Any], end: Fault, *, sent: Any, video: dict[str, Any]) -> dict[str, Any]:
    """The final state of the interaction with this receipt. `sent` is the request's input, which Omni returns."""
    if end.fault == "reply":
        given = json.dumps(end.reply).replace(json.dumps(VIDEO), json.dumps(video))
        return receipt | json.loads(given)
    if end.fault == "filtered-count":  # seen in the wild: nothing but the error, with status 200
        return {"error": {"code": "content_blocked", "message": end.message}}
    if end.fault in {"error", "filtered"}:
        code = "prohibited_content" if end.fault == "filtered" else end.reason or "api_error"
        return receipt | {"status": "failed", "errors": [{"code": code, "message": end.message}]}
    content = [{"type": "text", "text": "I cannot."}] if end.fault == "nothing" else [video]
    echo = {"type": "user_input", "content": sent}
    steps = [echo, {"type": "thought"}, {"type": "model_output", "content": content}]
    return receipt | {"status": "completed", "steps": steps}
