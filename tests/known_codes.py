"""Middleware of the tests: asserts that every error response has a code that the schema lists."""

import json
from collections.abc import Callable
from typing import Any

from studio.api.error_codes import MEANINGS


class KnownCodes:
    """Raises AssertionError for another code."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        if response.status_code >= 400 and response.get("Content-Type") == "application/json":
            body = json.loads(response.content or "{}")
            assert body.get("code", "invalid") in MEANINGS, f"add it to studio.api.error_codes: {body}"
        return response
