"""Error responses that are sent before any view runs, in the shape of the API's."""

from django.conf import settings
from django.http import HttpResponseBase, JsonResponse


def refusal(status: int, code: str, detail: str) -> JsonResponse:
    """An error response that closes the connection: the request's body may be unread."""
    response = JsonResponse({"detail": detail, "code": code}, status=status, headers={"Connection": "close"})
    response.headers["Content-Length"] = str(len(response.content))  # else the server would send it in chunks
    return response


def too_large(limit: int) -> JsonResponse:
    """The refusal of a body of more than `limit` bytes."""
    size = f"{limit // settings.MIB} MiB" if limit >= settings.MIB else f"{limit // 1024} KiB"
    return refusal(413, "too_large", f"The request is too large; the limit is {size}.")


def mark_as_logged(response: HttpResponseBase) -> None:
    """Keep Django from logging a second ERROR for a 5xx response whose cause is already in the log."""
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - django.utils.log.log_response checks it
