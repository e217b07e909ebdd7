"""Accepted JSON, and bodies that are refused before they take memory."""

import json
import tracemalloc
from typing import Any

import pytest

from studio.api.strict_json import LONG_BYTES, MAX_DEPTH, MAX_VALUES, REST_BYTES, BadJSON, parse

LONG = "A" * (LONG_BYTES + 3)


@pytest.mark.parametrize(
    "document",
    [
        {"title": "Stone", "products": [{"name": "a", "price": 1.5, "isNew": None}], "isPublic": True},
        {"image": LONG, "products": [{"thumbnail": LONG + "B"}, {"thumbnail": LONG}], LONG: LONG},
        {"title": "Étoffe 😀", "image": LONG},  # a letter beyond ASCII beside a picture
        [LONG, [LONG, [LONG]]],
        LONG,
        {"image": LONG + '"quoted\\" and \n' + LONG},
        "",
        [],
        [{}] * (MAX_VALUES // 2 - 1),
        [LONG * 9] * (2 * REST_BYTES // len(LONG) // 9),
        json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH),
    ],
)
def test_is_read_as_it_is(document: Any) -> None:
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False), json.dumps(document, indent=2)):
        assert parse(text.encode()) == document


def test_slashes_may_be_escaped() -> None:  # as PHP does
    base64 = "a/b+" * LONG_BYTES

    assert parse(json.dumps({"image": base64}).replace("/", r"\/").encode()) == {"image": base64}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[" * 33 + b"]" * 33, "it is nested too deeply"),
        (b'{"a":' * 33, "it is nested too deeply"),
        (b"[" + b"[]," * MAX_VALUES, "it has more than 10,000 values"),
        (b"[1" + b",1" * MAX_VALUES + b"]", "it has more than 10,000 values"),
        (b'""' * (2 * MAX_VALUES + 1), "it has more than 10,000 values"),
        (b'{"a": "' + "é".encode() * LONG_BYTES + b'"}', "it has a string of more than 64 KiB that is not base64"),
        (b"]" * MAX_VALUES * 9, "it has an unmatched closing bracket"),
        (b" " * REST_BYTES + b"1", "it has more than 8 MiB besides its pictures"),
        (b'{"a": "' + b"A" * (30 * 1024 * 1024) + b'"}', "it has a string that is longer than any picture"),
        (b'{"a": 1, "a": 2}', "an object has the same name twice"),
        (f'{{"{LONG}": 1, "{LONG}": 2}}'.encode(), "an object has the same name twice"),
        (b'{"a": NaN}', "it has a number that is too long, NaN or Infinity"),
        (b"1" * 5000, "it has a number that is too long, NaN or Infinity"),
        (b'{"a": "\xff"}', "it is not in UTF-8"),
        (b'{"a": ', "expecting value (line 1, column 7)"),
        (b'{"a": "' + LONG.encode(), "unterminated string starting (line 1, column 1)"),
        (b'{"a": "' + LONG.encode() + b'\n"}', "invalid control character (line 1, column 65541)"),
    ],
)
def test_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(BadJSON, match=r"^") as refusal:
        parse(text)

    assert str(refusal.value) == reason


@pytest.mark.parametrize(
    "text",
    [b"[" + b"[]," * 1_000_000, b"[" + b'"",' * 1_000_000, b'{"a":' * 1_000_000, b'"' * 3_000_000],
    ids=["lists", "strings", "objects", "quotes"],
)
def test_refusal_takes_no_memory(text: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BadJSON, match=r"^it (has|is)"):
            parse(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < len(text)  # bytes; it took more than twenty times as much
