"""The base of every endpoint: error responses, and the reading of bodies."""

import logging
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from studio import errors
from studio.api import routes
from studio.api.input_serializers import UNKNOWN_FIELD, respelled
from studio.http import bodies, concurrency, uploads
from studio.http.responses import mark_as_logged
from studio.media import full_disk
from studio.media.storage.base import StorageError

logger = logging.getLogger(__name__)

STATUS_OF_KIND: dict[type[errors.StudioError], int] = {
    errors.InvalidInput: status.HTTP_400_BAD_REQUEST,
    errors.InsufficientFunds: status.HTTP_402_PAYMENT_REQUIRED,
    errors.NotAllowed: status.HTTP_403_FORBIDDEN,
    errors.NotFound: status.HTTP_404_NOT_FOUND,
    errors.Conflict: status.HTTP_409_CONFLICT,
    errors.TooLarge: status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    errors.LimitReached: status.HTTP_429_TOO_MANY_REQUESTS,
    errors.Unavailable: status.HTTP_503_SERVICE_UNAVAILABLE,
}

NO_SUCH_ENDPOINT = "no_such_endpoint"
OUTAGES = (StorageError, OperationalError, InterfaceError)
OUTAGE_SECONDS = 5  # a database takes about that long to restart


def handle_exception(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: gives every anticipated failure the one error shape; None makes the rest a 500."""
    response = _error_response(exc, context)
    if response is not None:
        set_rollback()
    return response


def _error_response(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    if isinstance(exc, errors.StudioError):
        return _studio_response(exc, spelled=getattr(context["request"], "spelled", {}))
    if isinstance(exc, OUTAGES) or full_disk.is_full(exc):
        response = _studio_response(_outage(exc, path=context["request"].path))
        mark_as_logged(response)
        return response
    if isinstance(exc, RequestDataTooBig | TooManyFilesSent):
        return _studio_response(errors.TooLarge())
    if isinstance(exc, Http404):
        return _studio_response(errors.NotFound())
    if isinstance(exc, PermissionDenied | exceptions.PermissionDenied):
        return _studio_response(errors.NotAllowed())
    if isinstance(exc, exceptions.ValidationError):
        return Response(invalid_body(dict(flat_errors(exc.detail))), status=exc.status_code)
    if isinstance(exc, exceptions.APIException):
        return _drf_response(exc, context["view"])
    return None


def _outage(exc: Exception, *, path: str) -> errors.Unavailable:
    """The failure to report for a dependency that does not work."""
    logger.error("dependency.unavailable", exc_info=exc, extra={"path": path})
    if full_disk.is_full(exc):
        return full_disk.StorageFull()
    sentence, code = "Files cannot be stored or read at the moment.", "storage_failed"
    if not isinstance(exc, StorageError):  # SQLite also raises it for a writer that waited too long
        sentence, code = "The database is not available at the moment.", "database_failed"
    return errors.Unavailable(sentence, code=code, retry_after_seconds=OUTAGE_SECONDS)


def _studio_response(exc: errors.StudioError, *, spelled: Mapping[str, str] = MappingProxyType({})) -> Response:
    code = next(STATUS_OF_KIND[kind] for kind in type(exc).__mro__ if kind in STATUS_OF_KIND)
    body: dict[str, Any] = {"detail": exc.message, "code": exc.code, **exc.facts}
    if exc.errors:
        body["errors"] = respelled(exc.errors, spelled)
        if exc.message == errors.first_error(exc.errors):
            body["detail"] = errors.first_error(body["errors"])
    response = Response(body, status=code)
    if exc.retry_after_seconds:
        response["Retry-After"] = str(exc.retry_after_seconds)
    return response


def _drf_response(exc: exceptions.APIException, view: APIView) -> Response:
    detail: Any = _our_message(exc, view) or exc.detail
    code: Any = exc.get_codes()
    if isinstance(detail, dict):  # simplejwt puts both in there
        detail, code = detail.get("detail", exc.default_detail), detail.get("code", exc.default_code)
    response = Response({"detail": str(detail), "code": str(code)}, status=exc.status_code)
    if header := getattr(exc, "auth_header", None):
        response["WWW-Authenticate"] = f"{header}{getattr(exc, 'challenge', '')}"
    if wait := getattr(exc, "wait", None):
        response["Retry-After"] = str(int(wait) + 1)
    return response


def _our_message(exc: exceptions.APIException, view: APIView) -> str:
    """Our own message where DRF's is meant for developers; "" for the rest."""
    if isinstance(exc, exceptions.Throttled):
        return f"Too many requests. Try again {_how_soon(getattr(exc, 'wait', None) or 0)}."
    if isinstance(exc, exceptions.MethodNotAllowed):
        methods = [method for method in view.allowed_methods if method not in {"HEAD", "OPTIONS"}]
        return f"This URL accepts {_either(methods)} only."
    return ""


def _how_soon(seconds: float) -> str:
    """Say how long to wait, without a number that clients could mistake for a status code."""
    if seconds <= 1:
        return "in 1 second"
    return "within a minute" if seconds <= 60 else "within an hour" if seconds <= 3600 else "later"


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def invalid_body(field_errors: errors.FieldErrors) -> dict[str, Any]:
    """The body of a 400 for invalid fields: the first error as `detail`, and all errors by field."""
    codes = {getattr(message, "code", "") for messages in field_errors.values() for message in messages}
    return {
        "detail": errors.first_error(field_errors),
        "code": UNKNOWN_FIELD if UNKNOWN_FIELD in codes else "invalid",
        "errors": {field: [str(message) for message in messages] for field, messages in field_errors.items()},
    }


def flat_errors(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """DRF's nested error details as pairs of a dotted field path and its messages."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from flat_errors(value, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for index, item in enumerate(detail):
            yield from flat_errors(item, f"{path}.{index}" if path else str(index))
    elif isinstance(detail, list):
        if detail:
            yield path or "non_field_errors", detail
    else:
        yield path or "non_field_errors", [detail]


def _plain(status_code: int, code: str, detail: str) -> JsonResponse:
    return JsonResponse({"detail": detail, "code": code}, status=status_code)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler404: for unknown URLs, and for views that raise Http404."""
    if request.resolver_match is None:
        return _plain(404, NO_SUCH_ENDPOINT, routes.unknown_path_message(request.path))
    return _plain(404, "not_found", "Not found.")


def not_an_endpoint(right: str) -> Callable[..., JsonResponse]:
    """A view for a path that clients often guess. Its 404 names the right one: `{root}` and ids are filled in."""

    def refuse(request: HttpRequest, **ids: str) -> JsonResponse:
        meant = right.format(root=f"{settings.BASE_PATH}/api/v1", **ids)
        return _plain(404, NO_SUCH_ENDPOINT, f"There is no endpoint {request.path}. Use {meant}.")

    return refuse


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler400."""
    return _plain(400, "bad_request", "The request is malformed.")


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's handler500; the traceback is in the log.

    It also handles a full disk outside of the API: Django stores the files of the back office's forms.
    """
    exc = sys.exc_info()[1]
    if exc and full_disk.is_full(exc):
        response = _plain(503, full_disk.StorageFull.code, full_disk.StorageFull.message)
        response["Retry-After"] = str(full_disk.StorageFull.retry_after_seconds)
        return response
    return _plain(500, "server_error", "Something went wrong on our side. Please try again later.")


class ApiView(APIView):
    """The base of every endpoint: limits its body, and reads it before the handler runs."""

    body_limits = bodies.FOR_TEXTS
    scope: str | None = None  # what an API key needs, such as "videos"; without it, keys are refused
    reads_body_of_delete = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with uploads.released_at_the_end():
            response = super().dispatch(request, *args, **kwargs)
            if uploads.is_heavy(request):
                uploads.forget(self.request)
            return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then read the whole body. Raises the exceptions that refuse the request.

        The body is read even if the handler ignores it: an incomplete one means that the client has gone or is broken.
        """
        if request.method == "OPTIONS":  # needs no authentication: the response is `Allow`
            return
        super().initial(request, *args, **kwargs)
        if request.method in bodies.WITHOUT_BODY or request.method not in self.allowed_methods:
            return
        if request.user.is_authenticated:
            concurrency.user.set(request.user.pk)
            if bodies.is_large(request):
                uploads.begin(user_id=request.user.pk)
        if request.method == "DELETE" and not self.reads_body_of_delete:  # clients send it with arbitrary content types
            bodies.drain(request)
        else:
            _ = request.data  # parses and caches it


def as_uuid(text: str) -> uuid.UUID:
    """The id in a path. Raises NotFound if it is no UUID."""
    try:
        return uuid.UUID(text)
    except ValueError as exc:
        raise errors.NotFound from exc
