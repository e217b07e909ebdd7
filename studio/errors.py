"""The kinds of failure that a caller can cause or meet. No HTTP here: `studio.api.views` gives each kind its status."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

SENT_MAX = 40  # characters of a refused value that the refusal repeats

FieldErrors = Mapping[str, Sequence[str]]


def in_a_sentence(field_errors: FieldErrors) -> str:
    """The first error of a form, with the name of its field."""
    field, messages = next(iter(field_errors.items()), ("", ["The request is not valid."]))
    return f"{field}: {messages[0]}" if field and field != "non_field_errors" else messages[0]


def as_sent(value: Any) -> str:
    """A refused value as a refusal can repeat it: short, in one line."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if not isinstance(value, str):
        return json.dumps(value, default=lambda _: "a file")[: SENT_MAX + 1]
    text = "".join(character if character.isprintable() else " " for character in value[: SENT_MAX + 1])
    return f'"{text[:SENT_MAX]}{"…" * (len(text) > SENT_MAX)}"'


def must_be_one_of(choices: Iterable[Any], sent: Any) -> list[str]:
    """Two sentences. A client may show the first one as `detail`, which so says nothing that the client has sent."""
    return [f"Must be one of: {', '.join(map(str, choices))}.", f"You sent {as_sent(sent)}."]


class StudioError(Exception):
    """An anticipated failure. `code` is stable and for machines, the message is fit for the caller.

    `facts` are further members of the response, for a client to calculate with.
    """

    code = "error"
    message = "Something went wrong."
    retry_after_seconds = 0  # how long a sensible client waits; 0 where waiting does not help

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        errors: FieldErrors | None = None,
        facts: Mapping[str, int] | None = None,
        retry_after_seconds: int = 0,
    ) -> None:
        self.message = message or (in_a_sentence(errors) if errors else self.message)
        self.code = code or self.code
        self.errors = errors
        self.facts = facts or {}
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

    @classmethod
    def of(cls, *, balance: int, price: int) -> Self:
        """With both numbers beside the sentence: a client that searches it for status codes must find none there."""
        return cls(facts={"balance": balance, "price": price})


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
