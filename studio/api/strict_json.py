"""JSON from outside, read strictly, and counted before it is parsed: a few bytes of it can become a lot of memory."""

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

from django.conf import settings

MAX_VALUES = 10_000  # a look with 50 products has some 500
MAX_DEPTH = 32  # a product in a look is at 3
LONG_BYTES = 64 * 1024  # only a picture in base64 needs a longer string
REST_BYTES = 8 * 1024 * 1024  # without the long strings; 50 products with small pictures have three

# Where a value begins, and every string. One that has no end goes to the end: each byte is looked at once. What begins
# a match is one set of bytes, and not a choice: `re`, beside which no other thread runs, finds the next much sooner.
_MARK = re.compile(rb'["\[{,\]}](?:(?<=")[^"\\]*+(?:\\.[^"\\]*+)*+"?)?', re.DOTALL)
_CLOSING, _COMMA, _QUOTE = b"]}", ord(","), ord('"')


class BadJSON(ValueError):
    """The text is not JSON, or not within the bounds. Its message continues `The body is not valid JSON: `."""


def parsed(text: bytes) -> Any:
    """The document, in UTF-8. Raises BadJSON, also for NaN and for a name that an object has twice.

    Long strings are parsed by themselves: a body with a letter beyond ASCII would take two or four bytes for each of
    the characters of its pictures.
    """
    long = list(_long_strings(text))
    if len(text) - sum(end - start for start, end in long) > REST_BYTES:
        raise BadJSON(f"it has more than {REST_BYTES // 1024**2} MiB besides its pictures")
    if not long:
        return _parsed(text)
    key = secrets.token_hex(16)
    strings: dict[str, str] = {}
    pieces, position = [], 0
    for number, (start, end) in enumerate(long):
        if end - start > 3 * settings.IMAGE_MAX_BYTES:  # twice as long as the largest picture is in base64
            raise BadJSON("it has a string that is longer than any picture")
        string = text[start:end]
        if not string.isascii():
            raise BadJSON(f"it has a string of more than {LONG_BYTES // 1024} KiB that is not base64")
        strings[f"{key}{number}"] = _parsed(string)
        pieces += [text[position:start], f'"{key}{number}"'.encode()]
        position = end
    return _with(strings, _parsed(b"".join([*pieces, text[position:]])))


def _long_strings(text: bytes) -> Iterator[tuple[int, int]]:
    """Where they are, from quote to quote. Raises BadJSON where there are too many values of any kind."""
    values, strings, depth = 1, 0, 0
    for mark in _MARK.finditer(text):
        first = text[mark.start()]
        if first == _QUOTE:
            strings += 1
            if mark.end() - mark.start() > LONG_BYTES:
                yield mark.span()
        elif first in _CLOSING:
            depth -= 1
            if depth < 0:
                raise BadJSON("it closes what it has not opened")
        else:
            values, depth = values + 1, depth + (first != _COMMA)
        if depth > MAX_DEPTH:
            raise BadJSON("it is nested too deeply")
        if values > MAX_VALUES or strings > 2 * MAX_VALUES:  # a value may have a name
            raise BadJSON(f"it has more than {MAX_VALUES:,} values")


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant, object_pairs_hook=_with_unique_names)
    except UnicodeDecodeError as exc:
        raise BadJSON("it is not in UTF-8") from exc
    except json.JSONDecodeError as exc:
        raise BadJSON(f"{exc.msg.removesuffix(' at').lower()} (line {exc.lineno}, column {exc.colno})") from exc
    except BadJSON:
        raise
    except ValueError as exc:
        raise BadJSON("it has a number that is too long, NaN or Infinity") from exc


def _with(strings: dict[str, str], value: Any) -> Any:
    """The value with these strings in the places of their names."""
    if isinstance(value, dict):
        return _with_unique_names([(strings.get(name) or name, _with(strings, item)) for name, item in value.items()])
    if isinstance(value, list):
        return [_with(strings, item) for item in value]
    return (strings.get(value) or value) if isinstance(value, str) else value


def _with_unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadJSON("an object has the same name twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
