"""Videos inside responses are extracted intact, in bounded memory, however the bytes arrive."""

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

from videos.providers import google_http
from videos.providers.google_http import LONG, PLACEHOLDER, InlineVideo, TooLarge, _Stripper

VIDEO = b"\0\0\0\x18ftypisom" + random.Random(1).randbytes(100_001)
TEXT = base64.b64encode(VIDEO).decode()
LEFT = PLACEHOLDER.decode()


def stripped(reply: str, *, pieces: int = 1, video: InlineVideo | None = None) -> Any:
    """What is left of the JSON when it comes in so many pieces."""
    data, stripper = reply.encode(), _Stripper(video)
    cuts = sorted(random.Random(pieces).sample(range(1, len(data)), pieces - 1))
    return json.loads(b"".join(stripper.feed(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)))


def taking() -> tuple[io.BytesIO, InlineVideo]:
    file = io.BytesIO()
    return file, InlineVideo(file, most_bytes=10**9)


@pytest.mark.parametrize("pieces", [1, 2, 7, 500])
def test_video_is_stripped_and_the_rest_stays(pieces: int) -> None:
    file, video = taking()
    reply = {"name": 'a "quoted" \\ name\u20ac', "video": TEXT, "list": [1, {"": ""}], "other": "x" * LONG}

    left = stripped(json.dumps(reply), pieces=pieces, video=video)

    assert left == reply | {"video": LEFT}
    assert (video.found, file.getvalue()) == (True, VIDEO)


@pytest.mark.parametrize("size", [99_998, 99_999, 100_000])
@pytest.mark.parametrize("escape", [lambda text: text.replace("/", "\\/").replace("=", "\\u003d"), lambda text: text])
def test_padding_and_escapes_are_understood(size: int, escape: Any) -> None:
    file, video = taking()

    stripped(f'{{"video": "{escape(base64.b64encode(VIDEO[:size]).decode())}"}}', pieces=300, video=video)

    assert file.getvalue() == VIDEO[:size]


def test_url_safe_alphabet_is_understood() -> None:
    file, video = taking()

    stripped(json.dumps([base64.urlsafe_b64encode(VIDEO).decode()]), video=video)

    assert file.getvalue() == VIDEO


def test_image_sent_back_is_no_video() -> None:
    file, video = taking()
    picture = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(50_000)).decode()

    left = stripped(json.dumps({"echo": picture, "video": TEXT, "more": picture}), pieces=5, video=video)

    assert left == {"echo": LEFT, "video": LEFT, "more": LEFT}
    assert file.getvalue() == VIDEO


def test_long_strings_are_stripped_without_a_video() -> None:
    video = taking()[1]

    assert stripped(json.dumps({"echo": "\u20ac" * LONG}), video=video) == {"echo": LEFT}
    assert stripped(json.dumps({"video": TEXT})) == {"video": LEFT}
    assert video.found is False


def test_inline_video_has_a_maximum_size() -> None:
    with pytest.raises(TooLarge):
        stripped(json.dumps([TEXT]), video=InlineVideo(io.BytesIO(), most_bytes=1000))


def test_response_has_to_end() -> None:
    with pytest.raises(httpx.ReadTimeout, match="not ended"):
        list(google_http.stripped(itertools.repeat(b""), seconds=0.05))


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    piece = TEXT[:65_536].encode()
    with (tmp_path / "video.mp4").open("wb") as file:
        stripper = _Stripper(InlineVideo(file, most_bytes=10**9))
        tracemalloc.start()

        kept = len(stripper.feed(b'{"video": "'))
        for _ in range(200):  # 13 MB
            kept += len(stripper.feed(piece))
        kept += len(stripper.feed(b'"}'))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert kept == len(json.dumps({"video": LEFT}))
    assert (tmp_path / "video.mp4").stat().st_size == 200 * 49_152
    assert peak < 1_000_000
