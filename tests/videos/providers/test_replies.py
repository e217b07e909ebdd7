"""Films inside replies: taken out whole, in bounded memory, however the bytes arrive."""

import base64
import io
import itertools
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest

from videos.providers import google_replies
from videos.providers.google_replies import LEFT_OUT, LONG, Film, TooLarge, _Thinner

FILM = b"\0\0\0\x18ftypisom" + random.Random(1).randbytes(100_001)
TEXT = base64.b64encode(FILM).decode()
LEFT = LEFT_OUT.decode()


def thinned(reply: str, *, pieces: int = 1, film: Film | None = None) -> Any:
    """What is left of the JSON when it comes in so many pieces."""
    data, thinner = reply.encode(), _Thinner(film)
    cuts = sorted(random.Random(pieces).sample(range(1, len(data)), pieces - 1))
    return json.loads(b"".join(thinner.feed(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)))


def taking() -> tuple[io.BytesIO, Film]:
    file = io.BytesIO()
    return file, Film(file, most_bytes=10**9)


@pytest.mark.parametrize("pieces", [1, 2, 7, 500])
def test_a_film_is_taken_out_and_the_rest_stays(pieces: int) -> None:
    file, film = taking()
    reply = {"name": 'a "quoted" \\ name\u20ac', "film": TEXT, "list": [1, {"": ""}], "other": "x" * LONG}

    left = thinned(json.dumps(reply), pieces=pieces, film=film)

    assert left == reply | {"film": LEFT}
    assert (film.found, file.getvalue()) == (True, FILM)


@pytest.mark.parametrize("size", [99_998, 99_999, 100_000])
@pytest.mark.parametrize("escape", [lambda text: text.replace("/", "\\/").replace("=", "\\u003d"), lambda text: text])
def test_padding_and_escapes_are_understood(size: int, escape: Any) -> None:
    file, film = taking()

    thinned(f'{{"film": "{escape(base64.b64encode(FILM[:size]).decode())}"}}', pieces=300, film=film)

    assert file.getvalue() == FILM[:size]


def test_the_url_safe_alphabet_is_understood() -> None:
    file, film = taking()

    thinned(json.dumps([base64.urlsafe_b64encode(FILM).decode()]), film=film)

    assert file.getvalue() == FILM


def test_a_picture_that_was_sent_along_is_no_film() -> None:
    file, film = taking()
    picture = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(50_000)).decode()

    left = thinned(json.dumps({"echo": picture, "film": TEXT, "more": picture}), pieces=5, film=film)

    assert left == {"echo": LEFT, "film": LEFT, "more": LEFT}
    assert file.getvalue() == FILM


def test_without_a_film_to_take_long_strings_just_go() -> None:
    film = taking()[1]

    assert thinned(json.dumps({"echo": "\u20ac" * LONG}), film=film) == {"echo": LEFT}
    assert thinned(json.dumps({"film": TEXT})) == {"film": LEFT}
    assert film.found is False


def test_a_film_has_a_largest_size() -> None:
    with pytest.raises(TooLarge):
        thinned(json.dumps([TEXT]), film=Film(io.BytesIO(), most_bytes=1000))


def test_a_reply_has_to_end() -> None:
    with pytest.raises(httpx.ReadTimeout, match="not ended"):
        list(google_replies.thinned(itertools.repeat(b""), seconds=0.05))


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    piece = TEXT[:65_536].encode()
    with (tmp_path / "film.mp4").open("wb") as file:
        thinner = _Thinner(Film(file, most_bytes=10**9))
        tracemalloc.start()

        kept = len(thinner.feed(b'{"film": "'))
        for _ in range(200):  # 13 MB
            kept += len(thinner.feed(piece))
        kept += len(thinner.feed(b'"}'))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert kept == len(json.dumps({"film": LEFT}))
    assert (tmp_path / "film.mp4").stat().st_size == 200 * 49_152
    assert peak < 1_000_000
