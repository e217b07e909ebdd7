"""The kinds of failure that a caller can cause or meet. No HTTP here: `studio.api` gives each kind its status."""

from collections.abc import Mapping, Sequence

FieldErrors = Mapping[str, Sequence[str]]


class StudioError(Exception):
    """An anticipated failure. `code` is stable and for machines, the message is fit for the caller."""

    code = "error"
    message = "Something went wrong."
    retry_after_seconds = 0  # how long a sensible client waits; 0 where waiting does not help

    def __init__(
        self, message: str = "", *, code: str = "", errors: FieldErrors | None = None, retry_after_seconds: int = 0
    ) -> None:
        self.message = message or self.message
        self.code = code or self.code
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds or self.retry_after_seconds
        super().__init__(self.message)


class InvalidInput(StudioError):
    """The request asks for something that cannot be done as asked."""

    code = "invalid"
    message = "The request is not valid."


class NotAllowed(StudioError):
    """The caller is known, and may not do this."""

    code = "forbidden"
    message = "You do not have permission to do this."


class NotFound(StudioError):
    """There is no such thing."""

    code = "not_found"
    message = "Not found."


class Conflict(StudioError):
    """The thing is in a state that does not permit this."""

    code = "conflict"
    message = "This is not possible in the current state."


class InsufficientFunds(StudioError):
    """The account cannot pay for this."""

    code = "insufficient_tokens"
    message = "Insufficient tokens"


class TooLarge(StudioError):
    """The request is larger than is taken."""

    code = "too_large"
    message = "The request is too large."


class LimitReached(StudioError):
    """The caller has to wait."""

    code = "limit_reached"
    message = "Too many requests."
    retry_after_seconds = 10


class Unavailable(StudioError):
    """This deployment cannot do it at present."""

    code = "unavailable"
    message = "This is not available at the moment."
