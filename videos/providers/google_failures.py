"""Maps Google's failures to ProviderError: which submits were certainly not accepted, and which polls are final.

docs/providers.md lists the sources. Google's code fields decide where present; the text is searched only where Google
gives the reason in words alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from google.auth.exceptions import GoogleAuthError

from studio.observability.redaction import redact_for_staff
from videos.providers.base import (
    NotAccepted,
    NotCharged,
    OutcomeUnknown,
    ProbablyNotAccepted,
    ProviderError,
    Refused,
    Unreachable,
    VideoSpec,
)

MESSAGE_LENGTH = 2000  # characters of the vendor's text that are kept for staff
# An operation may be missing for a moment while Google moves it. After this many polls without it, seven minutes or
# more (schedule.poll_interval), it is gone.
MISSING_POLLS = 10
# The meaning of a status by then, by what was requested. An interaction that returned `400 invalid_request` for minutes
# completed in the end (seen 2026-11); only a wrong name is final.
OPERATION_LOST: Mapping[int, str] = {400: "generation_failed", 404: "operation_lost", 410: "operation_lost"}
INTERACTION_LOST: Mapping[int, str] = {404: "operation_lost", 410: "operation_lost"}
RESULT_LOST: Mapping[int, str] = {404: "result_expired", 410: "result_expired"}

# -- A submit without a response.
# No connection was made, none was free, or no token was available: nothing has left this machine. A proxy that refused
# the connection has forwarded nothing.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, GoogleAuthError)
# httpx refused to send it: the base URL or the key cannot be written into a request.
_UNSENDABLE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError)
# Everything else (ReadTimeout, WriteTimeout, ReadError, RemoteProtocolError, a response that is not JSON or names no
# operation): Google received some or all of the request, so it may be at work.

# -- A submit with a response, by status. Only a response that Google itself wrote is a certain refusal: a proxy between
# us and Google sends 429 and 503 as well, perhaps after it forwarded the request.
_BUSY = {
    429,  # over a rate or quota
    503,  # "the model is overloaded"
}
# Both were seen in Google's own JSON after the work was accepted. A named quota proves that the refusal came before it:
# QuotaFailure "describes how a quota check failed" (google/rpc/error_details.proto), and these reasons mean "the
# request is denied because there is not enough … quota" (google/api/error_reason.proto). So does the Interactions API's
# word for a daily quota. Anything else is in doubt: docs/decisions/16-two-submits-in-doubt.md.
_DENIED = {"RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"}
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s?")  # google.protobuf.Duration in JSON; Retry-After without a unit
_REFUSED = {
    400: "provider_refused",  # the request itself, or what it shows
    401: "provider_misconfigured",  # the key or token
    402: "provider_quota",  # the prepaid credit is used up
    403: "provider_misconfigured",  # the key may not, the API is off, or the account is suspended
    404: "model_unavailable",  # retired, misspelt, or not for this account
    413: "provider_refused",  # images too large
    422: "provider_refused",
}
# In words alone, and also with a 400: "Model M not found", "models/M is not found for API version v1beta", "This model
# models/M is no longer available to new users". Only the requested model counts, and only in Google's own words: a
# message may quote the prompt, and three of these refusals suspend an upstream.
_RETIRABLE = {400, 404, 410}
_IS_GONE = (
    r"(?:not found|does not exist|no longer (?:available|supported)|retired|deprecated|discontinued|shut ?down"
    r"|turned off)"
)
_QUOTED = re.compile(r'"[^"]*\s[^"]*"|“[^”]*\s[^”]*”')  # more than a name
_ECHO = 12  # characters; a shorter prompt has no room for a model's name and its end
# Any other 4xx is a refusal, even from a proxy.
_UNCLEAR = {
    408,  # "request timeout" from a proxy, which may have forwarded the request
    409,  # the Interactions API's "aborted": not documented to come before the work
    499,  # "cancelled": Google thinks that we hung up
}
# 500, 502 and 504 may come after Google has begun, and so may any other status.

# -- Google's own words for its reasons: `status` and `details[].reason` of google.rpc, `code` of the Interactions API.
_MISCONFIGURED = {
    "API_KEY_INVALID",
    "FAILED_PRECONDITION",
    "failed_precondition",
    "authentication",
    "permission_denied",
}
_DAILY = {"quota_exceeded"}  # the Interactions API's word for a daily quota
_BLOCKED = {
    "safety", "recitation", "language", "prohibited_content", "spii", "blocklist", "image_safety",
    "image_prohibited_content", "image_recitation", "image_other", "content_blocked",
}  # fmt: skip
# Veo gives no code: "… violates Vertex AI's usage guidelines … Support codes: 15236754", "… Responsible AI practices".
# Omni usually gives none either: "… safety violations (harmful content)", "… may violate our policies".
_SAFETY_TEXT = re.compile(
    r"usage guidelines|responsible ai|support codes?:|safety (?:filter|setting|polic|reason|violation|concern)"
    r"|content polic|violat\w* our (?:\w+ )?polic|prohibited content|sensitive words"
    r"|could not generate \d+ videos? based on the prompt",
    re.IGNORECASE,
)
# "We encountered an issue with the audio for your prompt … You have not been charged for this attempt": the same prompt
# often succeeds next time.
_FREE_TEXT = re.compile(r"issue with the audio\b.*\bnot been charged", re.IGNORECASE | re.DOTALL)
_UNNAMED_TEXT = re.compile(r"invalid interaction name", re.IGNORECASE)

# -- The verdict of an operation, by google.rpc.Code.
_VERDICTS = {
    7: "provider_misconfigured",  # PERMISSION_DENIED: Vertex may not write to the bucket
    8: "provider_quota",  # RESOURCE_EXHAUSTED
    14: "provider_busy",  # UNAVAILABLE: "currently experiencing high load"
}  # anything else: generation_failed


@dataclass(frozen=True)
class ErrorResponse:
    """An HTTP response with an error. `error` is Google's error object; empty if a proxy sent the response."""

    status: int
    error: dict[str, Any] = field(default_factory=dict)
    retry_after: str = ""

    @property
    def details(self) -> list[dict[str, Any]]:
        """The structured details of the error."""
        details = self.error.get("details")
        return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []

    @property
    def words(self) -> set[str]:
        """Google's codes for the reason."""
        words = (self.error.get("status"), self.error.get("code"), *_reasons(self.details))
        return {str(word) for word in words if word}

    @property
    def names_a_quota(self) -> bool:
        """Whether a quota check refused the request, before any work."""
        kinds = [str(detail.get("@type")) for detail in self.details]
        return bool(_DENIED & set(_reasons(self.details))) or any(kind.endswith("QuotaFailure") for kind in kinds)

    @property
    def pause_seconds(self) -> float:
        """The pause that Google asks for; 0 if it names none."""
        delays = [self.retry_after, *(str(detail.get("retryDelay")) for detail in self.details)]
        return max((float(match[1]) for text in delays if (match := _DELAY.fullmatch(text))), default=0)

    @property
    def is_blocked(self) -> bool:
        """Whether a code says that the content is not allowed."""
        return any(_word(word) in _BLOCKED for word in self.words)


def start_failure(exc: Exception, request: VideoSpec) -> ProviderError:
    """The meaning of a failed submit of this request."""
    message = describe(exc)
    response = _response_of(exc)
    if response is not None:
        return _refusal(response, message, request)
    cause = exc if isinstance(exc, httpx.HTTPError | GoogleAuthError) else exc.__cause__ or exc
    if isinstance(cause, _NEVER_SENT):
        return NotAccepted(message)
    if isinstance(cause, _UNSENDABLE):
        return Refused(message, code="provider_misconfigured")
    return OutcomeUnknown(message)


def _refusal(response: ErrorResponse, message: str, request: VideoSpec) -> ProviderError:
    if response.status in _BUSY and response.error:
        if _is_daily(response):
            return NotAccepted(message, code="provider_quota")
        if response.names_a_quota:
            return NotAccepted(message, lasts=True, pause_seconds=response.pause_seconds)
        return ProbablyNotAccepted(message, pause_seconds=response.pause_seconds)
    if not 400 <= response.status < 500 or response.status in _BUSY | _UNCLEAR:
        return OutcomeUnknown(message)
    return Refused(message, code=_refusal_code(response, request))


def _refusal_code(response: ErrorResponse, request: VideoSpec) -> str:
    if not response.error:  # the page of a proxy: we did not reach Google
        return "provider_misconfigured"
    text = _own_words(str(response.error["message"]), request.prompt)
    if response.status in _RETIRABLE and _names_as_gone(text, request.model):
        return "model_unavailable"
    if response.words & _MISCONFIGURED:
        return "provider_misconfigured"
    if response.is_blocked or (response.status == 400 and _SAFETY_TEXT.search(text)):
        return "content_filtered"
    return _REFUSED.get(response.status, "provider_refused")


def _own_words(message: str, prompt: str) -> str:
    """The message up to its copy of the prompt, and without quotations."""
    start = prompt.strip()[: 2 * _ECHO]
    if len(start) >= _ECHO:
        message = message.partition(start)[0]
    return _QUOTED.sub("…", message)


def _names_as_gone(text: str, model: str) -> bool:
    """Whether the text says that the model is gone, by its name or its title ("Gemini Omni 1.1 Flash")."""
    name = r"[-\s]".join(map(re.escape, model.split("-")))
    after = rf"{name}\W{{0,3}}(?:(?:is|was|has been)\s+)?{_IS_GONE}"
    before = rf"(?:model not found|unknown model|no such model)\W{{1,3}}(?:models/)?{name}"
    return bool(re.search(f"{after}|{before}", text, re.IGNORECASE))


def poll_failure(exc: Exception, *, missing: int, lost: Mapping[int, str]) -> ProviderError:
    """The meaning of a failed poll: usually Unreachable, so that we poll again.

    `lost` maps a status that persists to an error code: one of the three tables above.
    """
    message = describe(exc)
    response = _response_of(exc)
    if response is None or not response.error:
        return Unreachable(message)
    if response.words & _MISCONFIGURED or _REFUSED.get(response.status) == "provider_misconfigured":
        return Unreachable(message, is_denied=True)
    if response.status == 400 and (response.is_blocked or _SAFETY_TEXT.search(message)):
        return Refused(message, code="content_filtered")
    if response.status == 400 and _UNNAMED_TEXT.search(message):
        return Refused(message, code=lost[404])
    if response.status in lost and missing >= MISSING_POLLS:
        return Refused(message, code=lost[response.status])
    return Unreachable(message, is_missing=response.status in lost)


def verdict(*, code: object, message: str) -> ProviderError:
    """The failure that ended an operation: Refused, or NotCharged if it may be submitted again at no cost."""
    text = redacted(f"{code}: {message}")
    if _FREE_TEXT.search(message):
        return NotCharged(text)
    if _word(code) in _BLOCKED or _SAFETY_TEXT.search(message):
        return Refused(text, code="content_filtered")
    meaning = "provider_quota" if _word(code) in _DAILY else _VERDICTS.get(code if isinstance(code, int) else 0)
    return Refused(text, code=meaning or "generation_failed")


def is_missing(exc: Exception) -> bool:
    """Whether Google itself, not a proxy, sent the 404."""
    response = _response_of(exc)
    return response is not None and bool(response.error) and response.status == httpx.codes.NOT_FOUND


def describe(exc: Exception) -> str:
    """The failure in words, for logs and staff."""
    return redacted(f"{type(exc).__name__}: {exc}")


def redacted(text: str, *, length: int = MESSAGE_LENGTH) -> str:
    """The vendor's text without secrets and without the queries of URLs, at most `length` characters."""
    return redact_for_staff(text)[:length]


def _response_of(exc: Exception) -> ErrorResponse | None:
    """The response that the SDK turned into this exception; its two halves keep it in two places."""
    response = getattr(exc, "response", None) or getattr(exc.__cause__, "raw_response", None)
    if not isinstance(response, httpx.Response):
        return None
    retry_after = response.headers.get("Retry-After", "")
    try:
        body = response.json()
    except ValueError:
        return ErrorResponse(response.status_code)
    body = body[0] if isinstance(body, list) and len(body) == 1 else body  # Vertex wraps some errors in a list
    error = body.get("error") if isinstance(body, dict) else None
    is_googles = isinstance(error, dict) and error.get("message") and (error.get("status") or error.get("code"))
    return ErrorResponse(response.status_code, error if is_googles and isinstance(error, dict) else {}, retry_after)


def _word(code: object) -> str:
    """Google's word for a reason; the Interactions API may write it as a URI that ends in the word."""
    return re.split(r"[/#:]", str(code).rstrip("/"))[-1].lower()


def _reasons(details: list[dict[str, Any]]) -> list[str]:
    return [str(detail["reason"]) for detail in details if detail.get("reason")]


def _is_daily(response: ErrorResponse) -> bool:
    """Whether a daily quota is used up: QuotaFailure names quotas like "…RequestsPerDayPerProject…"."""
    return bool(response.words & _DAILY) or "PerDay" in str(response.error.get("details"))
