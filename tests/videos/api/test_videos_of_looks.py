"""Videos for looks: the link at creation, the look's picture as the first frame, and the default video."""

import io
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from PIL import Image

from accounts.models import LedgerEntry, User
from looks.models import Look, LookVideo
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob
from tests.threads import at_once
from videos.models import JobInput, VideoJob
from videos.phases import Phase

URL = "/api/v1/video-jobs"
FORM = {"mockMode": "true", "prompt": "Model wearing the dress"}


def make_look(owner: User, *, with_image: bool = True, **fields: Any) -> Look:
    look = Look(owner=owner, title="Stone Essence", **fields)
    if with_image:
        data = io.BytesIO()
        Image.new("RGB", (90, 160), "crimson").save(data, "PNG")
        look.image.name = default_storage.save(f"looks/{look.pk}/picture.png", ContentFile(data.getvalue()))
        look.thumbnail.name = look.image.name
    look.save()
    return look


@pytest.mark.parametrize("how", ["form", "query", "both"])
def test_video_is_linked_to_the_look(make_user: MakeUser, sign_in: SignIn, how: str) -> None:
    ann = make_user()
    look = make_look(ann)
    url = URL if how == "form" else f"{URL}?look_id={look.pk}"
    form = FORM if how == "query" else {**FORM, "lookId": str(look.pk).upper()}

    response = sign_in(ann).post(url, form, format="multipart")

    assert response.status_code == 202
    assert response.json()["associatedLooks"] == [
        {
            "id": str(look.pk),
            "title": "Stone Essence",
            **{f"{name}Url": f"http://testserver/media/{look.image.name}" for name in ("generatedImage", "thumbnail")},
            "isDefault": False,
        }
    ]
    assert list(LookVideo.objects.values_list("look_id", "video_id", "is_default")) == [
        (look.pk, uuid.UUID(response.json()["id"]), False)
    ]
    assert list(LedgerEntry.objects.filter(kind="charge").values_list("amount", flat=True)) == [-50]


def test_two_different_looks_are_refused(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    form = {**FORM, "lookId": str(make_look(ann).pk)}

    response = sign_in(ann).post(f"{URL}?look_id={make_look(ann).pk}", form, format="multipart")

    assert (response.status_code, list(response.json()["errors"])) == (400, ["lookId"])
    assert not VideoJob.objects.exists()


@pytest.mark.parametrize("whose", ["unknown", "malformed", "another's", "another's, asked by an admin"])
def test_look_that_is_not_the_callers_is_invalid(make_user: MakeUser, sign_in: SignIn, whose: str) -> None:
    ann, ben = make_user(), make_user("ben@example.com", staff="admin" in whose)
    look_id = {"unknown": str(uuid.uuid4()), "malformed": "stone-essence"}.get(whose) or str(make_look(ann).pk)

    response = sign_in(ben).post(URL, {**FORM, "lookId": look_id}, format="multipart")

    assert (response.status_code, response.json()) == (400, {"detail": "Invalid look_id", "code": "invalid_look"})
    assert not VideoJob.objects.exists()
    assert not LedgerEntry.objects.filter(kind="charge").exists()


def test_bad_form_comes_before_the_look_and_the_look_before_the_money(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user(tokens=0))

    both = client.post(URL, {**FORM, "mockMode": "x", "lookId": "x"}, format="multipart")
    look = client.post(URL, {**FORM, "lookId": "x"}, format="multipart")

    assert (list(both.json()["errors"]), look.json()["code"]) == (["mockMode"], "invalid_look")


def test_video_opens_with_the_look(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    look = make_look(ann)

    response = sign_in(ann).post(URL, {"mockMode": "true", "lookId": str(look.pk)}, format="multipart")

    row = JobInput.objects.get()
    assert response.status_code == 202
    assert (row.role, row.content_type) == ("first_frame", "image/png")
    assert row.file_name != look.image.name  # a copy: the look may change before the video is made
    with default_storage.open(row.file_name) as file, Image.open(file) as image:
        assert (image.size, image.getpixel((0, 0))) == ((90, 160), (220, 20, 60))
    assert not Disposal.objects.exists()


def test_initial_image_comes_before_the_look(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(data, "PNG")
    data.name, _ = "own.png", data.seek(0)

    sign_in(ann).post(URL, {**FORM, "lookId": str(make_look(ann).pk), "initialImage": data}, format="multipart")

    with default_storage.open(JobInput.objects.get().file_name) as file, Image.open(file) as image:
        assert image.size == (8, 8)


def test_look_image_may_be_left_out(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    form = {"mockMode": "true", "lookId": str(make_look(ann).pk), "useLookImage": "false"}

    nothing = sign_in(ann).post(URL, form, format="multipart")
    words = sign_in(ann).post(URL, {**form, "prompt": "x"}, format="multipart")

    assert (nothing.json()["code"], words.status_code, JobInput.objects.count()) == ("nothing_to_show", 202, 0)


def test_look_without_image_is_nothing_to_show(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    look = make_look(ann, with_image=False)

    response = sign_in(ann).post(URL, {"mockMode": "true", "lookId": str(look.pk)}, format="multipart")

    assert (response.status_code, response.json()["code"]) == (400, "nothing_to_show")


def test_unreadable_look_image_is_unavailable_and_free(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    look = make_look(ann)
    default_storage.delete(str(look.image.name))

    response = sign_in(ann).post(URL, {**FORM, "lookId": str(look.pk)}, format="multipart")

    assert (response.status_code, response.json()["code"]) == (503, "look_image_unreadable")
    assert not VideoJob.objects.exists()


def test_list_is_filtered_by_look(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    job, _ = make_job(ann), make_job(ann)
    look = make_look(ann)
    LookVideo.objects.create(look=look, video=job)
    client = sign_in(ann)

    found = client.get(URL, {"lookId": str(look.pk)}).json()
    refused = client.get(URL, {"lookId": "x"})

    assert ([item["id"] for item in found["items"]], found["total"]) == ([str(job.pk)], 1)
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["lookId"])


@pytest.fixture
def linked(make_user: MakeUser, make_job: MakeJob) -> tuple[Look, VideoJob, VideoJob]:
    ann = make_user()
    look, first, second = make_look(ann), make_job(ann, phase=Phase.SUCCEEDED), make_job(ann)
    for job in (first, second):
        LookVideo.objects.create(look=look, video=job)
    return look, first, second


def defaults(look: Look) -> list[uuid.UUID]:
    return list(look.look_videos.filter(is_default=True).values_list("video_id", flat=True))


def path(job: Any, look: Any, verb: str = "set") -> str:
    return f"{URL}/{getattr(job, 'pk', job)}/{verb}-default-for-look/{getattr(look, 'pk', look)}"


def test_default_is_set_moved_and_unset(sign_in: SignIn, linked: tuple[Look, VideoJob, VideoJob]) -> None:
    look, first, second = linked
    client = sign_in(look.owner)

    responses = []
    for call in (path(first, look), path(first, look), path(second, look)):
        response = client.patch(call, content_type="application/json")
        responses.append((response.status_code, response.json(), defaults(look)))
    unset = client.patch(path(second, look, "unset"), content_type="application/json")

    said = {"message": "Video set as default successfully", "lookId": str(look.pk), "isDefault": True}
    assert responses == [
        (200, {**said, "videoId": str(first.pk)}, [first.pk]),
        (200, {**said, "videoId": str(first.pk)}, [first.pk]),
        (200, {**said, "videoId": str(second.pk)}, [second.pk]),
    ]
    assert (unset.status_code, unset.json()["isDefault"], defaults(look)) == (200, False, [])


def test_video_of_no_or_another_look_is_refused(
    sign_in: SignIn, linked: tuple[Look, VideoJob, VideoJob], make_job: MakeJob
) -> None:
    look, first, _ = linked
    client = sign_in(look.owner)
    client.patch(path(first, look))

    response = client.patch(path(make_job(look.owner), look))

    assert (response.status_code, response.json()) == (
        400,
        {"detail": "Video is not associated with this look", "code": "not_linked"},
    )
    assert defaults(look) == [first.pk]


@pytest.mark.parametrize("verb", ["set", "unset"])
def test_unknown_comes_before_forbidden(
    make_user: MakeUser, sign_in: SignIn, linked: tuple[Look, VideoJob, VideoJob], verb: str
) -> None:
    look, first, _ = linked
    ben = sign_in(make_user("ben@example.com"))

    codes = {
        "both": ben.patch(path(first, look, verb)).status_code,
        "no look": ben.patch(path(first, uuid.uuid4(), verb)).status_code,
        "no video": ben.patch(path(uuid.uuid4(), look, verb)).status_code,
        "no uuid": ben.patch(path("x", "y", verb)).status_code,
    }

    assert codes == {"both": 403, "no look": 404, "no video": 404, "no uuid": 404}


def test_look_or_video_of_another_user_is_forbidden_except_to_an_admin(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob
) -> None:
    ann, ben = make_user(), make_user("ben@example.com")
    look, foreign = make_look(ann), make_job(ben)
    LookVideo.objects.create(look=look, video=foreign)

    responses = [sign_in(who).patch(path(foreign, look)).status_code for who in (ann, ben)]
    by_admin = sign_in(make_user("boss@example.com", staff=True)).patch(path(foreign, look))

    assert (responses, by_admin.status_code, defaults(look)) == ([403, 403], 200, [foreign.pk])


def test_deleted_default_leaves_the_look_without_one(sign_in: SignIn, linked: tuple[Look, VideoJob, VideoJob]) -> None:
    look, first, second = linked
    client = sign_in(look.owner)
    client.patch(path(first, look))

    client.delete(f"{URL}/{first.pk}")

    assert list(look.look_videos.values_list("video_id", "is_default")) == [(second.pk, False)]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_leave_one_default(make_user: MakeUser, sign_in: SignIn, make_job: MakeJob) -> None:
    ann = make_user()
    look = make_look(ann)
    jobs = [make_job(ann, phase=Phase.FAILED) for _ in range(20)]
    LookVideo.objects.bulk_create([LookVideo(look=look, video=job) for job in jobs])

    for _ in range(3):  # from the second on, another default gives way
        responses = at_once([partial(sign_in(ann).patch, path(job, look)) for job in jobs])

        assert Counter(response.status_code for response in responses) == {200: 20}
        assert len(defaults(look)) == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_choice_of_a_video_that_is_just_being_deleted_leaves_the_default(
    make_user: MakeUser, sign_in: SignIn, make_job: MakeJob
) -> None:
    ann = make_user()
    look, old, going = make_look(ann), make_job(ann, phase=Phase.FAILED), make_job(ann, phase=Phase.FAILED)
    LookVideo.objects.create(look=look, video=old, is_default=True)
    LookVideo.objects.create(look=look, video=going)
    client = sign_in(ann)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            VideoJob.objects.filter(pk=going.pk).delete()
            choice = pool.submit(lambda: (client.patch(path(going, look)).status_code, connection.close()))
            with connection.cursor() as cursor:
                for _ in range(200):
                    cursor.execute("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")
                    if cursor.fetchone() != (0,):
                        break
                    time.sleep(0.05)
                else:
                    raise AssertionError("no transaction waits for the deletion")
        status, _ = choice.result(10)

    assert (status, defaults(look)) == (404, [old.pk])
