"""A strict JSON parser for request bodies. It counts values first: a few bytes can expand to a lot of memory."""

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

from django.conf import settings

MAX_VALUES = 10_000  # a look with 50 products has some 500
MAX_DEPTH = 32  # a product in a look has 3
LONG_BYTES = 64 * 1024  # only a base64 picture is a longer string
REST_BYTES = 8 * 1024 * 1024  # limit without the long strings; 50 products with small pictures have three

# Matches the start of every value, and whole strings; an unterminated string matches to the end, so each byte is
# scanned once. The pattern begins with a set of bytes, which `re` finds much faster than alternatives; it blocks all
# other threads meanwhile.
_MARK = re.compile(rb'["\[{,\]}](?:(?<=")[^"\\]*+(?:\\.[^"\\]*+)*+"?)?', re.DOTALL)
_CLOSING, _COMMA, _QUOTE = b"]}", ord(","), ord('"')


class BadJSON(ValueError):
    """The text is not JSON, or exceeds a limit. The message completes `The body is not valid JSON: `."""


def parse(text: bytes) -> Any:
    """The parsed document. Raises BadJSON, also for NaN and for duplicate names in an object.

    Long strings are parsed separately: one letter beyond ASCII would make Python store the whole text, pictures
    included, with two or four bytes per character.
    """
    long = list(_long_strings(text))
    if len(text) - sum(end - start for start, end in long) > REST_BYTES:
        raise BadJSON(f"it has more than {REST_BYTES // 1024**2} MiB besides its pictures")
    if not long:
        return _parse(text)
    key = secrets.token_hex(16)
    strings: dict[str, str] = {}
    pieces, position = [], 0
    for number, (start, end) in enumerate(long):
        if end - start > 3 * settings.IMAGE_MAX_BYTES:  # twice the length of the largest picture in base64
            raise BadJSON("it has a string that is longer than any picture")
        string = text[start:end]
        if not string.isascii():
            raise BadJSON(f"it has a string of more than {LONG_BYTES // 1024} KiB that is not base64")
        strings[f"{key}{number}"] = _parse(string)
        pieces += [text[position:start], f'"{key}{number}"'.encode()]
        position = end
    return _with(strings, _parse(b"".join([*pieces, text[position:]])))


def _long_strings(text: bytes) -> Iterator[tuple[int, int]]:
    """Their spans, quotes included. Raises BadJSON for too many values of any kind."""
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
                raise BadJSON("it has an unmatched closing bracket")
        else:
            values, depth = values + 1, depth + (first != _COMMA)
        if depth > MAX_DEPTH:
            raise BadJSON("it is nested too deeply")
        if values > MAX_VALUES or strings > 2 * MAX_VALUES:  # a value may have a name
            raise BadJSON(f"it has more than {MAX_VALUES:,} values")


def _parse(text: bytes) -> Any:
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
    """The value with the strings put back in place of their keys."""
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
