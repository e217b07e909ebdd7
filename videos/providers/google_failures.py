"""What Google's failures mean: which submits surely were not accepted, which polls tell a verdict. One table a step.

Sources are listed in docs/providers.md. Google's code fields decide where there are any; text is searched only where
Google says in words alone what has happened.
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
# An operation that was there may be missing for a moment, while Google moves; after so many looks that have missed it,
# seven minutes or more (schedule.poll_interval), it is gone.
MISSING_LOOKS = 10
# What a status means by then, by what was asked for. An interaction that answers `400 invalid_request` for minutes has
# been seen to complete (2026-11); only its name can be wrong for good.
OPERATION_LOST: Mapping[int, str] = {400: "generation_failed", 404: "operation_lost", 410: "operation_lost"}
INTERACTION_LOST: Mapping[int, str] = {404: "operation_lost", 410: "operation_lost"}
RESULT_LOST: Mapping[int, str] = {404: "result_expired", 410: "result_expired"}

# -- A submit that got no reply.
# No connection was made, none was free, or no token was to be had: nothing has left this machine. A proxy that refuses
# to connect us has passed nothing on.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, GoogleAuthError)
# httpx itself would not send it: a base URL or a key that cannot be written into a request.
_UNSENDABLE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError)
# Everything else (ReadTimeout, WriteTimeout, ReadError, RemoteProtocolError, a reply that is not JSON or names no
# operation): Google had all or some of the request, so it may be at work.

# -- A submit that got a reply, by status. A reply refuses surely only when Google itself has written it: anything
# between us and Google answers 429 and 503, too, and may do so after having passed the request on.
_BUSY = {
    429,  # over a rate or quota
    503,  # "the model is overloaded"
}
# Both have been seen, in Google's own JSON, after the work was accepted. What says that it came before is the quota by
# name: QuotaFailure "describes how a quota check failed" (google/rpc/error_details.proto), and these reasons mean "the
# request is denied because there is not enough … quota" (google/api/error_reason.proto); or the Interactions API's
# word for the quota of a day. Anything else is in doubt: docs/decisions/16-two-submits-in-doubt.md.
_DENIED = {"RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"}
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s?")  # google.protobuf.Duration in JSON; Retry-After without a unit
_REFUSED = {
    400: "provider_refused",  # the request itself, or what it shows
    401: "provider_misconfigured",  # the key or token
    402: "provider_quota",  # the prepaid credit is used up
    403: "provider_misconfigured",  # the key may not, the API is off, or the account is suspended
    404: "model_unavailable",  # retired, misspelt, or not for this account
    413: "provider_refused",  # pictures too large
    422: "provider_refused",
}
# In words alone, and with a 400 as well: "Model M not found", "models/M is not found for API version v1beta", "This
# model models/M is no longer available to new users". Only the model that was asked for counts, and only in Google's
# own words: a message may quote the prompt, and three such refusals suspend an upstream.
_RETIRABLE = {400, 404, 410}
_IS_GONE = (
    r"(?:not found|does not exist|no longer (?:available|supported)|retired|deprecated|discontinued|shut ?down"
    r"|turned off)"
)
_QUOTED = re.compile(r'"[^"]*\s[^"]*"|“[^”]*\s[^”]*”')  # more than a name
_ECHO = 12  # characters; a shorter prompt has no room for a model's name and what became of it
# Any other 4xx but these was refused as well, whoever says so.
_UNCLEAR = {
    408,  # "request timeout" from something on the way, which may have passed it on
    409,  # the Interactions API's "aborted": not documented to come before the work
    499,  # "cancelled": we seem to have hung up
}
# 500, 502 and 504 come after Google has begun, and so may any other status.

# -- Google's own words for its reasons: `status` and `details[].reason` of google.rpc, `code` of the Interactions API.
_MISCONFIGURED = {
    "API_KEY_INVALID",
    "FAILED_PRECONDITION",
    "failed_precondition",
    "authentication",
    "permission_denied",
}
_DAILY = {"quota_exceeded"}  # the Interactions API's word for the quota of a day
_BLOCKED = {
    "safety", "recitation", "language", "prohibited_content", "spii", "blocklist", "image_safety",
    "image_prohibited_content", "image_recitation", "image_other", "content_blocked",
}  # fmt: skip
# Veo gives no code: "… violates Vertex AI's usage guidelines … Support codes: 15236754", "… Responsible AI practices".
# Omni neither, as a rule: "… safety violations (harmful content)", "… may violate our policies".
_SAFETY_TEXT = re.compile(
    r"usage guidelines|responsible ai|support codes?:|safety (?:filter|setting|polic|reason|violation|concern)"
    r"|content polic|violat\w* our (?:\w+ )?polic|prohibited content|sensitive words"
    r"|could not generate \d+ videos? based on the prompt",
    re.IGNORECASE,
)
# "We encountered an issue with the audio for your prompt … You have not been charged for this attempt": the same prompt
# often succeeds the next time.
_FREE_TEXT = re.compile(r"issue with the audio\b.*\bnot been charged", re.IGNORECASE | re.DOTALL)
_UNNAMED_TEXT = re.compile(r"invalid interaction name", re.IGNORECASE)

# -- The verdict of an operation, by google.rpc.Code.
_VERDICTS = {
    7: "provider_misconfigured",  # PERMISSION_DENIED: Vertex may not write to the bucket
    8: "provider_quota",  # RESOURCE_EXHAUSTED
    14: "provider_busy",  # UNAVAILABLE: "currently experiencing high load"
}  # anything else: generation_failed


@dataclass(frozen=True)
class Reply:
    """An HTTP reply with an error in it. `error` is Google's own error object; empty when somebody else replied."""

    status: int
    error: dict[str, Any] = field(default_factory=dict)
    retry_after: str = ""

    @property
    def details(self) -> list[dict[str, Any]]:
        """What Google says beyond a sentence."""
        details = self.error.get("details")
        return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []

    @property
    def words(self) -> set[str]:
        """Google's codes for its reason."""
        words = (self.error.get("status"), self.error.get("code"), *_reasons(self.details))
        return {str(word) for word in words if word}

    @property
    def names_a_quota(self) -> bool:
        """Whether it was refused by a check of a quota, before any work."""
        kinds = [str(detail.get("@type")) for detail in self.details]
        return bool(_DENIED & set(_reasons(self.details))) or any(kind.endswith("QuotaFailure") for kind in kinds)

    @property
    def pause_seconds(self) -> float:
        """How long Google asks us to wait; 0 where it does not say."""
        asked = [self.retry_after, *(str(detail.get("retryDelay")) for detail in self.details)]
        return max((float(match[1]) for text in asked if (match := _DELAY.fullmatch(text))), default=0)

    @property
    def is_blocked(self) -> bool:
        """Whether one of them is about what the video would show."""
        return any(_word(word) in _BLOCKED for word in self.words)


def start_failure(exc: Exception, request: VideoSpec) -> ProviderError:
    """What a failed submit of this request means."""
    message = describe(exc)
    reply = _reply_in(exc)
    if reply is not None:
        return _refusal(reply, message, request)
    cause = exc if isinstance(exc, httpx.HTTPError | GoogleAuthError) else exc.__cause__ or exc
    if isinstance(cause, _NEVER_SENT):
        return NotAccepted(message)
    if isinstance(cause, _UNSENDABLE):
        return Refused(message, code="provider_misconfigured")
    return OutcomeUnknown(message)


def _refusal(reply: Reply, message: str, request: VideoSpec) -> ProviderError:
    if reply.status in _BUSY and reply.error:
        if _is_daily(reply):
            return NotAccepted(message, code="provider_quota")
        if reply.names_a_quota:
            return NotAccepted(message, lasts=True, pause_seconds=reply.pause_seconds)
        return ProbablyNotAccepted(message, pause_seconds=reply.pause_seconds)
    if not 400 <= reply.status < 500 or reply.status in _BUSY | _UNCLEAR:
        return OutcomeUnknown(message)
    return Refused(message, code=_refused_for(reply, request))


def _refused_for(reply: Reply, request: VideoSpec) -> str:
    if not reply.error:  # a proxy's page, for one: we have not reached Google
        return "provider_misconfigured"
    said = _own_words(str(reply.error["message"]), request.prompt)
    if reply.status in _RETIRABLE and _names_as_gone(said, request.model):
        return "model_unavailable"
    if reply.words & _MISCONFIGURED:
        return "provider_misconfigured"
    if reply.is_blocked or (reply.status == 400 and _SAFETY_TEXT.search(said)):
        return "content_filtered"
    return _REFUSED.get(reply.status, "provider_refused")


def _own_words(message: str, prompt: str) -> str:
    """The message up to where it repeats the prompt, and without quotations."""
    start = prompt.strip()[: 2 * _ECHO]
    if len(start) >= _ECHO:
        message = message.partition(start)[0]
    return _QUOTED.sub("…", message)


def _names_as_gone(said: str, model: str) -> bool:
    """Whether these words say that the model is gone, by its name or its title: "Gemini Omni 1.1 Flash"."""
    name = r"[-\s]".join(map(re.escape, model.split("-")))
    after = rf"{name}\W{{0,3}}(?:(?:is|was|has been)\s+)?{_IS_GONE}"
    before = rf"(?:model not found|unknown model|no such model)\W{{1,3}}(?:models/)?{name}"
    return bool(re.search(f"{after}|{before}", said, re.IGNORECASE))


def look_failure(exc: Exception, *, missing: int, lost: Mapping[int, str]) -> ProviderError:
    """What a failed poll means: as a rule that we must poll again; the work goes on without us.

    `lost` is what a status means that stays: one of the three tables above.
    """
    message = describe(exc)
    reply = _reply_in(exc)
    if reply is None or not reply.error:
        return Unreachable(message)
    if reply.words & _MISCONFIGURED or _REFUSED.get(reply.status) == "provider_misconfigured":
        return Unreachable(message, is_denied=True)
    if reply.status == 400 and (reply.is_blocked or _SAFETY_TEXT.search(message)):
        return Refused(message, code="content_filtered")
    if reply.status == 400 and _UNNAMED_TEXT.search(message):
        return Refused(message, code=lost[404])
    if reply.status in lost and missing >= MISSING_LOOKS:
        return Refused(message, code=lost[reply.status])
    return Unreachable(message, is_missing=reply.status in lost)


def verdict(*, code: object, message: str) -> ProviderError:
    """The failure that an operation ended with: Refused, or NotCharged where it may be sent again for nothing."""
    told = redacted(f"{code}: {message}")
    if _FREE_TEXT.search(message):
        return NotCharged(told)
    if _word(code) in _BLOCKED or _SAFETY_TEXT.search(message):
        return Refused(told, code="content_filtered")
    meaning = "provider_quota" if _word(code) in _DAILY else _VERDICTS.get(code if isinstance(code, int) else 0)
    return Refused(told, code=meaning or "generation_failed")


def is_missing(exc: Exception) -> bool:
    """Whether Google itself says that what was asked for is not there."""
    reply = _reply_in(exc)
    return reply is not None and bool(reply.error) and reply.status == httpx.codes.NOT_FOUND


def describe(exc: Exception) -> str:
    """The failure for logs and staff."""
    return redacted(f"{type(exc).__name__}: {exc}")


def redacted(text: str, *, length: int = MESSAGE_LENGTH) -> str:
    """The vendor's text without secrets and without the queries of URLs, at most `length` characters."""
    return redact_for_staff(text)[:length]


def _reply_in(exc: Exception) -> Reply | None:
    """The reply that the SDK has turned into this exception. Its two halves do that in two ways."""
    response = getattr(exc, "response", None) or getattr(exc.__cause__, "raw_response", None)
    if not isinstance(response, httpx.Response):
        return None
    retry_after = response.headers.get("Retry-After", "")
    try:
        body = response.json()
    except ValueError:
        return Reply(response.status_code)
    body = body[0] if isinstance(body, list) and len(body) == 1 else body  # Vertex puts some errors into a list
    error = body.get("error") if isinstance(body, dict) else None
    is_googles = isinstance(error, dict) and error.get("message") and (error.get("status") or error.get("code"))
    return Reply(response.status_code, error if is_googles and isinstance(error, dict) else {}, retry_after)


def _word(code: object) -> str:
    """Google's word for a reason; the Interactions API may write it as a URI that ends in the word."""
    return re.split(r"[/#:]", str(code).rstrip("/"))[-1].lower()


def _reasons(details: list[dict[str, Any]]) -> list[str]:
    return [str(detail["reason"]) for detail in details if detail.get("reason")]


def _is_daily(reply: Reply) -> bool:
    """Whether waiting a few minutes is in vain: QuotaFailure names its quota like "…RequestsPerDayPerProject…"."""
    return bool(reply.words & _DAILY) or "PerDay" in str(reply.error.get("details"))
