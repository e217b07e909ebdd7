"""The kinds of failure that callers can cause or meet; `studio.api.views` maps each kind to an HTTP status."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

SENT_MAX = 40  # characters of a refused value that the message repeats

FieldErrors = Mapping[str, Sequence[str]]


def first_error(field_errors: FieldErrors) -> str:
    """The first error of a form, with the name of its field."""
    field, messages = next(iter(field_errors.items()), ("", ["The request is not valid."]))
    return f"{field}: {messages[0]}" if field and field != "non_field_errors" else messages[0]


def as_sent(value: Any) -> str:
    """A refused value for an error message: short, in one line."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if not isinstance(value, str):
        return json.dumps(value, default=lambda _: "a file")[: SENT_MAX + 1]
    text = "".join(character if character.isprintable() else " " for character in value[: SENT_MAX + 1])
    return f'"{text[:SENT_MAX]}{"…" * (len(text) > SENT_MAX)}"'


def must_be_one_of(choices: Iterable[Any], sent: Any) -> list[str]:
    """Two messages; only the second one repeats what was sent, so that `detail`, the first one, does not."""
    return [f"Must be one of: {', '.join(map(str, choices))}.", f"You sent {as_sent(sent)}."]


class StudioError(Exception):
    """An anticipated failure, with a stable `code` for programs and a message for the caller.

    `facts` are values that the response has as members of their own.
    """

    code = "error"
    message = "Something went wrong."
    retry_after_seconds = 0  # 0 if waiting does not help

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        errors: FieldErrors | None = None,
        facts: Mapping[str, int | str] | None = None,
        retry_after_seconds: int = 0,
    ) -> None:
        self.message = message or (first_error(errors) if errors else self.message)
        self.code = code or self.code
        self.errors = errors
        self.facts = facts or {}
        self.retry_after_seconds = retry_after_seconds or self.retry_after_seconds
        super().__init__(self.message)


class InvalidInput(StudioError):
    """The request is not valid."""

    code = "invalid"
    message = "The request is not valid."


class NotAllowed(StudioError):
    """The caller lacks the permission."""

    code = "forbidden"
    message = "You do not have permission to do this."


class NotFound(StudioError):
    """The object does not exist."""

    code = "not_found"
    message = "Not found."


class Conflict(StudioError):
    """The object is in a state that does not permit this."""

    code = "conflict"
    message = "This is not possible in the current state."


class InsufficientFunds(StudioError):
    """The account cannot pay for this."""

    code = "insufficient_tokens"
    message = "Insufficient tokens"

    @classmethod
    def of(cls, *, balance: int, price: int) -> Self:
        """Build the error with both numbers as fields: some clients search the message for status codes."""
        return cls(facts={"balance": balance, "price": price})


class TooLarge(StudioError):
    """The request exceeds a limit of size."""

    code = "too_large"
    message = "The request is too large."


class LimitReached(StudioError):
    """The caller has reached a limit, and has to wait."""

    code = "limit_reached"
    message = "Too many requests."
    retry_after_seconds = 10


class Unavailable(StudioError):
    """This deployment cannot do it at the moment."""

    code = "unavailable"
    message = "This is not available at the moment."
