"""Converts values of the legacy rows for the columns here."""

import math
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.files.storage import Storage
from django.utils import timezone

from studio.media.storage import external

FILE_NAME_MAX = 300  # characters; the width of the columns with names of files


class UnusableRow(Exception):
    """The row cannot be moved; the message gives the reason, and what would help."""


def identifier(value: Any, *, of: str) -> uuid.UUID:
    """Return the id. Raises UnusableRow if `value` is none; `of` is its name in the message."""
    try:
        return uuid.UUID(str(value))
    except ValueError as exc:
        raise UnusableRow(f"It has no {of}." if value is None else f"The {of} {value!r} is not a UUID.") from exc


def moment(value: Any) -> datetime | None:
    """Return the moment, in UTC if it has no time zone; None for None."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - gets its zone in the next line
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def created_and_updated(row: dict[str, Any]) -> tuple[datetime, datetime]:
    """Return both dates of a row; created_at defaults to now, updated_at to created_at."""
    created = moment(row.get("created_at")) or timezone.now()
    return created, moment(row.get("updated_at")) or created


def short(value: Any, *, most: int, field: str, changes: list[str]) -> str:
    """Text of at most so many characters, "" for None; a cut is noted in `changes`."""
    text = "" if value is None else str(value)
    if len(text) > most:
        changes.append(f"The {field} is cut to {most} characters.")
    return text[:most]


def whole(value: Any) -> int | None:
    """Return a whole number from any numeric type; None for None, NaN and infinity."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return int(value)


def amount(value: Any, *, changes: list[str]) -> Decimal | None:
    """Return a price with two decimals; None and a note in `changes` if it is out of range."""
    if value is None:
        return None
    try:
        price = Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        price = Decimal(-1)
    if not 0 <= price < 10**10:
        changes.append(f"The price {value} is left out.")
        return None
    return price


def file_name(url: Any, *, storage: Storage, is_shared: bool) -> str:
    """Return the name here of the file at a URL.

    A file of our own account that only one row has is ours from now on, and is removed with the row. Any other file is
    external. Raises UnusableRow for an unusable URL.
    """
    text = str(url or "").strip()
    if text.startswith("http://res.cloudinary.com/"):
        text = text.replace("http://", "https://", 1)
    owns = getattr(storage, "owns", None)
    if owns and owns(text) and not is_shared:
        name = text
    elif external.is_readable(text):
        name = external.name_at(text)
    else:
        raise UnusableRow(
            f"Its file is at {text[:200]!r}: not https, or on a host that EXTERNAL_FILE_HOSTS does not name."
        )
    if len(name) > FILE_NAME_MAX:
        raise UnusableRow(f"The URL of its file is longer than {FILE_NAME_MAX - len(external.PREFIX)} characters.")
    return name
