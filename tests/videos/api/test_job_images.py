"""Pictures of a job: the formats that frames may have, and what `posterUrl` is without a poster."""

import io
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from accounts.models import LedgerEntry
from looks.models import Look, LookVideo
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import upload
from tests.fixtures.video_jobs import MakeJob, nothing_written
from tests.studio.media.heic import heic
from tests.studio.media.hostile_images import saved
from tests.studio.media.pictures import two_tone
from tests.videos.api.test_create import FORM
from videos.models import JobInput
from videos.phases import Phase

URL = "/api/v1/video-jobs"


def animated(kind: str) -> bytes:
    return saved(two_tone(), kind, save_all=True, append_images=[Image.new("RGB", (40, 20))], duration=100)


def test_heic_is_taken_as_every_frame_and_stored_as_a_jpeg(make_user: MakeUser, sign_in: SignIn) -> None:
    photo = heic(two_tone().resize((80, 40)))
    form = {
        **FORM,
        "initialImage": upload(photo, "IMG_1.HEIC"),
        "endFrame": upload(photo, "IMG_2.HEIC"),
        "referenceImages": [upload(photo, "IMG_3.HEIC")],
    }

    response = sign_in(make_user()).post(URL, form, format="multipart")

    assert response.status_code == 202
    rows = list(JobInput.objects.order_by("role"))
    assert [(row.role, row.content_type) for row in rows] == [
        ("first_frame", "image/jpeg"),
        ("last_frame", "image/jpeg"),
        ("reference", "image/jpeg"),
    ]
    with default_storage.open(rows[0].file_name) as file:
        assert Image.open(io.BytesIO(file.read())).size == (80, 40)


@pytest.mark.parametrize("field", ["initialImage", "endFrame", "referenceImages"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animation_is_refused_as_a_frame(make_user: MakeUser, sign_in: SignIn, field: str, kind: str) -> None:
    picture: Any = upload(animated(kind))
    form = {**FORM, field: [picture] if field == "referenceImages" else picture}

    response = sign_in(make_user()).post(URL, form, format="multipart")

    (sentences,) = response.json()["errors"].values()
    assert (response.status_code, str(sentences).count("The image is animated; send a still one.")) == (400, 1)
    assert nothing_written()
    assert not JobInput.objects.exists()
    assert not Disposal.objects.exists()


def test_refusal_of_a_frame_names_its_format(make_user: MakeUser, sign_in: SignIn) -> None:
    drawing = upload(b'<svg xmlns="http://www.w3.org/2000/svg"/>', "look.svg")

    response = sign_in(make_user()).post(URL, {**FORM, "initialImage": drawing}, format="multipart")

    assert (response.status_code, response.json()["errors"]) == (
        400,
        {"initialImage": ["This is an SVG; send PNG, JPEG, WebP or HEIC."]},
    )
    assert not LedgerEntry.objects.filter(kind="charge").exists()


def test_look_stored_as_an_animation_opens_a_video_with_its_start(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    look = Look(owner=ann, title="Stone Essence")  # as they were stored until 2026-11
    look.image.name = default_storage.save(f"looks/{look.pk}/picture.png", ContentFile(animated("PNG")))
    look.thumbnail.name = look.image.name
    look.save()

    response = sign_in(ann).post(URL, {**FORM, "lookId": str(look.pk)}, format="multipart")

    assert response.status_code == 202
    with default_storage.open(JobInput.objects.get().file_name) as file:
        assert not getattr(Image.open(io.BytesIO(file.read())), "is_animated", False)


def test_job_without_a_poster_shows_its_looks_picture(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    client = sign_in(ann)
    bare = Look.objects.create(owner=ann, title="Idea")
    look = Look.objects.create(owner=ann, title="Stone", image="looks/a/picture.png", thumbnail="looks/a/thumbnail.jpg")
    of_look = "http://testserver/media/looks/a/thumbnail.jpg"
    jobs = {
        "linked": make_job(ann, phase=Phase.FAILED),
        "finished": make_job(ann, phase=Phase.SUCCEEDED, poster="videos/p.jpg"),
        "alone": make_job(ann, phase=Phase.FAILED),
    }
    for name in ("linked", "finished"):
        LookVideo.objects.create(look=bare, video=jobs[name])
        LookVideo.objects.create(look=look, video=jobs[name])
    posters = {"linked": of_look, "finished": "http://testserver/media/videos/p.jpg", "alone": None}

    items = {item["id"]: item for item in client.get(URL).json()["items"]}
    details = {name: client.get(f"{URL}/{job.pk}").json() for name, job in jobs.items()}

    assert {name: items[str(job.pk)]["posterUrl"] for name, job in jobs.items()} == posters
    assert {name: detail["posterUrl"] for name, detail in details.items()} == posters
    assert [look["thumbnailUrl"] for look in details["linked"]["associatedLooks"]] == [None, of_look]
