"""Limits of concurrent uploads in a process."""

import base64
import io
import json
import threading
import uuid
from contextlib import ExitStack
from typing import Any

import pytest
from PIL import Image

from looks import fields, use_cases
from studio.errors import LimitReached, Unavailable
from studio.http import concurrency, uploads
from tests.conftest import MakeUser, SignIn

LOOKS = "/api/v1/looks"
TOO_MANY = {
    "detail": "You have 8 uploads in progress. Please wait until one has finished.",
    "code": "uploads_in_progress",
}


def test_user_has_eight_at_once() -> None:
    ann, ben = uuid.uuid4(), uuid.uuid4()
    with uploads.released_at_the_end():
        for _ in range(8):
            uploads.begin(user_id=ann)
        with pytest.raises(LimitReached):
            uploads.begin(user_id=ann)
        uploads.begin(user_id=ben)
    with uploads.released_at_the_end():
        uploads.begin(user_id=ann)

    assert not uploads._uploads._taken


@pytest.mark.django_db
def test_request_gives_its_upload_back(make_user: MakeUser, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.http.bodies.LARGE_BYTES", 20)
    ann = make_user()
    client = sign_in(ann)
    with uploads.released_at_the_end():
        for _ in range(7):
            uploads.begin(user_id=ann.pk)
        eighth = [client.post(LOOKS, {"title": "x"}, format="multipart").status_code for _ in range(2)]
        refused_input = client.post(LOOKS, {}, format="multipart").status_code
        uploads.begin(user_id=ann.pk)
        ninth: Any = client.post(LOOKS, {"title": "x"}, format="multipart")
        short = client.post(LOOKS, {"title": "x"}, format="json")  # comes with its headers

    assert (eighth, refused_input) == ([201, 201], 400)
    assert (ninth.status_code, ninth.json(), ninth["Retry-After"]) == (429, TOO_MANY, "5")
    assert (short.status_code, dict(uploads._uploads._taken)) == (201, {})


def test_large_json_comes_into_a_file_and_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "WAIT_SECONDS", 0.01)
    body = b"x" * (uploads.HEAVY_BYTES + 1)
    with uploads.released_at_the_end():
        for _ in range(2):
            with uploads.received(io.BytesIO(body)) as received:
                assert (received.read(), received._rolled) == (body, True)  # type: ignore[attr-defined]
        with pytest.raises(Unavailable), uploads.received(io.BytesIO(body)):
            pass
        with uploads.received(io.BytesIO(body[1:])) as received:  # a smaller one needs no turn
            assert received.read() == body[1:]
    with uploads.released_at_the_end(), uploads.received(io.BytesIO(body)):
        pass


def test_turn_ends_with_the_request_of_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"x" * (uploads.HEAVY_BYTES + 1)
    taken, let_go = threading.Barrier(3), threading.Event()

    def hold() -> None:
        with uploads.released_at_the_end(), uploads.received(io.BytesIO(body)):
            taken.wait(20)
            let_go.wait(20)

    others = [threading.Thread(target=hold) for _ in range(2)]
    for other in others:
        other.start()
    taken.wait(20)
    let_go.set()

    with uploads.released_at_the_end(), uploads.received(io.BytesIO(body)) as received:
        assert received.read() == body
    for other in others:
        other.join(20)


@pytest.mark.django_db
def test_turn_ends_before_the_pictures_are_stored(
    make_user: MakeUser, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that hangs must not block the uploads of other users."""
    free: list[int] = []
    stored = use_cases.store
    monkeypatch.setattr(use_cases, "store", lambda **file: free.append(uploads._large_jsons._value) or stored(**file))
    picture = base64.b64encode(png_of_noise()).decode()
    assert len(picture) > uploads.HEAVY_BYTES

    response: Any = sign_in(make_user()).post(LOOKS, {"title": "x", "generatedImageBase64": picture}, format="json")

    assert (response.status_code, free) == (201, [2, 2])


@pytest.mark.django_db
def test_user_waits_for_the_storage_eight_times(make_user: MakeUser) -> None:
    ann, ben = make_user(), make_user("ben@example.com")
    with ExitStack() as stack, uploads.released_at_the_end():
        concurrency.user.set(ann.pk)
        for _ in range(8):
            stack.enter_context(concurrency.waiting())
        with pytest.raises(LimitReached), concurrency.waiting():
            pass
        concurrency.user.set(ben.pk)
        with concurrency.waiting():
            pass

    assert not concurrency._waits._taken


def png_of_noise() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((1200, 1200), 100).save(out, "PNG")
    return out.getvalue()


@pytest.mark.django_db
def test_pictures_of_a_large_json_are_read(
    make_user: MakeUser, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    decoded = fields.PictureText._decoded
    monkeypatch.setattr(fields.PictureText, "_decoded", lambda self, data: read.append(decoded(self, data)) or b"")
    pictures = [bytes([number]) * 7_000_000 for number in range(3)]  # more than the texts of a form may have
    texts = [base64.b64encode(picture).decode() for picture in pictures]
    body = {
        "title": "Étoffe 😀",
        "generatedImageBase64": f"data:image/png;base64,{texts[0]}",
        "products": [{"name": "a", "thumbnailBase64": texts[1]}, {"name": "b", "thumbnailBase64": texts[2]}],
    }

    response: Any = sign_in(make_user()).generic("POST", LOOKS, json.dumps(body), "application/json")

    assert response.status_code == 400
    assert sorted(read) == sorted(pictures), response.json()
