"""The header `Idempotency-Key` of requests that create something."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from studio.errors import InvalidInput
from studio.idempotency import KEY_HOURS

IDEMPOTENCY_KEY_MAX = 255  # characters


def key_parameter(result: str) -> OpenApiParameter:
    """The header in the schema; `result` is what a repeat does, such as “return the first job again”."""
    return OpenApiParameter(
        "Idempotency-Key",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description=(
            f"Makes a repeat safe: the same key and the same request within {KEY_HOURS} hours {result}. "
            f"At most {IDEMPOTENCY_KEY_MAX} printable characters."
        ),
    )


def idempotency_key(request: Request) -> str:
    """The header's value, "" without one. Raises InvalidInput."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > IDEMPOTENCY_KEY_MAX or not key.isprintable():
        raise InvalidInput(f"Idempotency-Key must be at most {IDEMPOTENCY_KEY_MAX} printable characters.")
    return key
