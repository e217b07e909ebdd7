"""What every endpoint shares: error responses, and how a body is taken."""

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
OUTAGE_SECONDS = 5  # a restart of a database takes about that


def handle_exception(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: every anticipated failure in the one error shape; None lets the rest be a 500."""
    answer = _answer(exc, context)
    if answer is not None:
        set_rollback()
    return answer


def _answer(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    if isinstance(exc, errors.StudioError):
        return _studio_answer(exc, spelled=getattr(context["request"], "spelled", {}))
    if isinstance(exc, OUTAGES) or full_disk.is_full(exc):
        response = _studio_answer(_outage(exc, path=context["request"].path))
        mark_as_logged(response)
        return response
    if isinstance(exc, RequestDataTooBig | TooManyFilesSent):
        return _studio_answer(errors.TooLarge())
    if isinstance(exc, Http404):
        return _studio_answer(errors.NotFound())
    if isinstance(exc, PermissionDenied | exceptions.PermissionDenied):
        return _studio_answer(errors.NotAllowed())
    if isinstance(exc, exceptions.ValidationError):
        return Response(invalid_body(dict(flat_errors(exc.detail))), status=exc.status_code)
    if isinstance(exc, exceptions.APIException):
        return _api_answer(exc, context["view"])
    return None


def _outage(exc: Exception, *, path: str) -> errors.Unavailable:
    """What a service of ours that does not work is called."""
    logger.error("service failed", exc_info=exc, extra={"path": path})
    if full_disk.is_full(exc):
        return full_disk.StorageFull()
    sentence, code = "Files cannot be stored or read at the moment.", "storage_failed"
    if not isinstance(exc, StorageError):  # also what SQLite says to a writer who has waited in vain
        sentence, code = "The database is not available at the moment.", "database_failed"
    return errors.Unavailable(sentence, code=code, retry_after_seconds=OUTAGE_SECONDS)


def _studio_answer(exc: errors.StudioError, *, spelled: Mapping[str, str] = MappingProxyType({})) -> Response:
    code = next(STATUS_OF_KIND[kind] for kind in type(exc).__mro__ if kind in STATUS_OF_KIND)
    body: dict[str, Any] = {"detail": exc.message, "code": exc.code, **exc.facts}
    if exc.errors:
        body["errors"] = respelled(exc.errors, spelled)
        if exc.message == errors.in_a_sentence(exc.errors):
            body["detail"] = errors.in_a_sentence(body["errors"])
    answer = Response(body, status=code)
    if exc.retry_after_seconds:
        answer["Retry-After"] = str(exc.retry_after_seconds)
    return answer


def _api_answer(exc: exceptions.APIException, view: APIView) -> Response:
    detail: Any = _in_plain_words(exc, view) or exc.detail
    code: Any = exc.get_codes()
    if isinstance(detail, dict):  # simplejwt puts its sentence and its word in there
        detail, code = detail.get("detail", exc.default_detail), detail.get("code", exc.default_code)
    answer = Response({"detail": str(detail), "code": str(code)}, status=exc.status_code)
    if header := getattr(exc, "auth_header", None):
        answer["WWW-Authenticate"] = header
    if wait := getattr(exc, "wait", None):
        answer["Retry-After"] = str(int(wait) + 1)
    return answer


def _in_plain_words(exc: exceptions.APIException, view: APIView) -> str:
    """Our own sentence where DRF's is for the people who wrote the client; "" for the rest."""
    if isinstance(exc, exceptions.Throttled):
        return f"Too many requests. Try again {_how_soon(getattr(exc, 'wait', None) or 0)}."
    if isinstance(exc, exceptions.MethodNotAllowed):
        methods = [method for method in view.allowed_methods if method not in {"HEAD", "OPTIONS"}]
        return f"This URL takes {_either(methods)} only."
    return ""


def _how_soon(seconds: float) -> str:
    """Without a number that a client could take for a status code; `Retry-After` has the exact one."""
    if seconds <= 1:
        return "in 1 second"
    return "within a minute" if seconds <= 60 else "within an hour" if seconds <= 3600 else "later"


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def invalid_body(field_errors: errors.FieldErrors) -> dict[str, Any]:
    """The body of a 400 about a form: a sentence made from the first error, and all of them by field."""
    codes = {getattr(message, "code", "") for messages in field_errors.values() for message in messages}
    return {
        "detail": errors.in_a_sentence(field_errors),
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
    """The answer to a URL that is not there, and to one of a page that finds nothing."""
    if request.resolver_match is None:
        return _plain(404, NO_SUCH_ENDPOINT, routes.not_there(request.path))
    return _plain(404, "not_found", "Not found.")


def not_an_endpoint(right: str) -> Callable[..., JsonResponse]:
    """A view for a path that is often taken for an endpoint. It names the right one: `{root}` and ids are filled in."""

    def refuse(request: HttpRequest, **ids: str) -> JsonResponse:
        meant = right.format(root=f"{settings.BASE_PATH}/api/v1", **ids)
        return _plain(404, NO_SUCH_ENDPOINT, f"There is no endpoint {request.path}. Use {meant}.")

    return refuse


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """The answer to a request that Django itself refuses."""
    return _plain(400, "bad_request", "The request could not be understood.")


def server_error(request: HttpRequest) -> JsonResponse:
    """The answer when we are at fault; the traceback is in the log.

    A full disk comes here where no view of the API sees it: a form of the back office, whose files Django receives.
    """
    exc = sys.exc_info()[1]
    if exc and full_disk.is_full(exc):
        answer = _plain(503, full_disk.StorageFull.code, full_disk.StorageFull.message)
        answer["Retry-After"] = str(full_disk.StorageFull.retry_after_seconds)
        return answer
    return _plain(500, "server_error", "Something went wrong on our side. Please try again later.")


class ApiView(APIView):
    """What every endpoint is, besides its view from a library."""

    body_limits = bodies.FOR_TEXTS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer, and give back what the request's upload took."""
        with uploads.released_at_the_end():
            response = super().dispatch(request, *args, **kwargs)
            if uploads.is_heavy(request):
                uploads.forget(self.request)
            return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who asks, then have the body read to its end, before the handler. Raises what refuses the request.

        Also where the handler has no use for a body: one that broke off says that the client has gone, or is in error.
        """
        if request.method == "OPTIONS":  # answered with `Allow`, which is no secret
            return
        super().initial(request, *args, **kwargs)
        if request.method in bodies.WITHOUT_BODY or request.method not in self.allowed_methods:
            return
        if request.user.is_authenticated:
            concurrency.person.set(request.user.pk)
            if bodies.is_large(request):
                uploads.begin(user_id=request.user.pk)
        if request.method == "DELETE":  # clients send the oddest types with it
            bodies.drain(request)
        else:
            _ = request.data  # parsed, and kept


def as_uuid(text: str) -> uuid.UUID:
    """The id in a path. Raises NotFound for one that is no UUID: nothing can be there."""
    try:
        return uuid.UUID(text)
    except ValueError as exc:
        raise errors.NotFound from exc
