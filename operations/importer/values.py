"""Reads single values of the other system's rows into what the columns here take."""

import math
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.files.storage import Storage
from django.utils import timezone

from studio.media.storage import external

FILE_NAME_MAX = 300  # characters; the width of the columns with names of files


class Misfit(Exception):
    """The row cannot be moved; the message says why, and what would help."""


def identifier(value: Any, *, of: str) -> uuid.UUID:
    """An id. Raises Misfit for what is none; `of` says whose it should be."""
    try:
        return uuid.UUID(str(value))
    except ValueError as exc:
        raise Misfit(f"It has no {of}." if value is None else f"The {of} {value!r} is no UUID.") from exc


def moment(value: Any) -> datetime | None:
    """A moment; one without a time zone is in UTC. None for None."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - gets its zone in the next line
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def created_and_updated(row: dict[str, Any]) -> tuple[datetime, datetime]:
    """Both dates of a row; the first one's absence is now, the second one's the first."""
    created = moment(row.get("created_at")) or timezone.now()
    return created, moment(row.get("updated_at")) or created


def short(value: Any, *, most: int, field: str, changes: list[str]) -> str:
    """Text of at most so many characters, "" for None; a cut is noted in `changes`."""
    text = "" if value is None else str(value)
    if len(text) > most:
        changes.append(f"The {field} is cut to {most} characters.")
    return text[:most]


def whole(value: Any) -> int | None:
    """A whole number, from whatever type of number; None for None, NaN and the like."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return int(value)


def amount(value: Any, *, changes: list[str]) -> Decimal | None:
    """A price in two decimals; one that cannot be is left out, and that is noted."""
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
    """The name here of the file at a URL.

    A file of our own account that one row has alone is ours from now on: it goes when the row goes. Any other is
    `elsewhere`. Raises Misfit for a URL that is of no use here.
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
        raise Misfit(f"Its file is at {text[:200]!r}: not https, or on a host that EXTERNAL_FILE_HOSTS does not name.")
    if len(name) > FILE_NAME_MAX:
        raise Misfit(f"The URL of its file is longer than {FILE_NAME_MAX - len(external.PREFIX)} characters.")
    return name
