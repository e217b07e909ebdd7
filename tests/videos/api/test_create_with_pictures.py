"""POST /api/v1/video-jobs with pictures: which are stored for the provider, and which are refused."""

from typing import Any

import pytest

from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import png, upload
from tests.fixtures.video_jobs import MakeJob, nothing_written
from videos.models import JobInput

URL = "/api/v1/video-jobs"
FORM = {"mockMode": "true", "prompt": "A red dress"}


def test_pictures_are_kept_for_the_provider(make_user: MakeUser, sign_in: SignIn) -> None:
    form = {
        "mockMode": "true",
        "initialImage": upload(png()),
        "endFrame": upload(png(kind="JPEG")),
        "referenceImages": [upload(png(kind="WEBP")), upload(png(8, 8))],
    }

    response = sign_in(make_user()).post(URL, form, format="multipart")

    rows = JobInput.objects.order_by("role", "position")
    assert response.status_code == 202
    assert [(row.role, row.position, row.content_type) for row in rows] == [
        ("first_frame", 0, "image/png"),
        ("last_frame", 0, "image/jpeg"),
        ("reference", 0, "image/webp"),
        ("reference", 1, "image/png"),
    ]
    assert not Disposal.objects.exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>hello</html>", png()[:60], b"\xff\xd8\xff\xe0 not really", b"GIF89a" + b"\0" * 50],
    ids=["empty", "html", "truncated", "fake-jpeg", "gif"],
)
def test_upload_that_is_no_picture_is_refused(make_user: MakeUser, sign_in: SignIn, data: bytes) -> None:
    response = sign_in(make_user()).post(URL, {**FORM, "initialImage": upload(data)}, format="multipart")

    assert (response.status_code, list(response.json()["errors"])) == (400, ["initialImage"])
    assert nothing_written()


def test_picture_with_too_many_pixels_is_refused(make_user: MakeUser, sign_in: SignIn, settings: Any) -> None:
    settings.IMAGE_MAX_PIXELS = 1000

    response = sign_in(make_user()).post(URL, {**FORM, "initialImage": upload(png(40, 30))}, format="multipart")

    assert response.json()["errors"] == {"initialImage": ["The image has more than 0 megapixels."]}


def test_picture_with_too_many_bytes_is_refused(make_user: MakeUser, sign_in: SignIn, settings: Any) -> None:
    settings.IMAGE_MAX_BYTES = 50

    response = sign_in(make_user()).post(URL, {**FORM, "initialImage": upload(png(40, 30))}, format="multipart")

    assert (response.status_code, list(response.json()["errors"])) == (400, ["initialImage"])


def test_fourth_reference_is_refused(make_user: MakeUser, sign_in: SignIn) -> None:
    form = {**FORM, "referenceImages": [upload(png()) for _ in range(4)]}

    response = sign_in(make_user()).post(URL, form, format="multipart")

    assert (response.status_code, list(response.json()["errors"])) == (400, ["referenceImages"])


def test_refusal_after_the_upload_gives_the_pictures_up(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob
) -> None:
    ann = make_user()
    for _ in range(3):
        make_job(ann)

    response = sign_in(ann).post(URL, {**FORM, "initialImage": upload(png())}, format="multipart")

    assert response.status_code == 429
    assert (JobInput.objects.count(), Disposal.objects.count()) == (0, 0)


def test_empty_parts_of_an_html_form_are_no_pictures(make_user: MakeUser, sign_in: SignIn) -> None:
    form = {**FORM, "initialImage": "", "endFrame": "", "referenceImages": "", "lookId": ""}

    response = sign_in(make_user()).post(URL, form, format="multipart")

    assert (response.status_code, JobInput.objects.count()) == (202, 0)


def test_pictures_of_one_request_have_a_budget(make_user: MakeUser, sign_in: SignIn, settings: Any) -> None:
    settings.REQUEST_MAX_PIXELS = 2 * 64 * 64
    files = [upload(png(64, 64)) for _ in range(3)]

    refused = sign_in(make_user()).post(URL, {"mockMode": "true", "referenceImages": files}, format="multipart")

    assert (refused.status_code, nothing_written()) == (400, True)
    assert "The images of one request may have 0 megapixels together." in refused.json()["detail"]
