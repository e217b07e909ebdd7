"""Staff and jobs in the admin."""

import re

import pytest
from django.test import Client

from accounts.models import LedgerEntry, User
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import ORDER, MakeJob
from videos import creation
from videos.models import VideoJob
from videos.phases import Phase


@pytest.fixture
def boss(make_user: MakeUser) -> User:
    user = make_user("boss@example.com", staff=True)
    user.is_superuser = True
    user.save(update_fields=["is_superuser"])
    return user


@pytest.fixture
def office(client: Client, boss: User) -> Client:
    client.force_login(boss)
    return client


def test_jobs_are_listed_searched_and_shown(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())
    job.log("The timeline begins.")

    listed = office.get("/admin/videos/videojob/", {"q": "ann@example.com"}).content.decode()
    shown = office.get(f"/admin/videos/videojob/{job.pk}/change/").content.decode()

    assert str(job.pk) in listed
    assert "The timeline begins." in shown
    assert 'name="_save"' not in shown


@pytest.mark.parametrize("how", ["one", "several"])
def test_job_is_deleted_as_the_api_does_it(office: Client, make_user: MakeUser, how: str) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=ORDER)
    several = {"action": "delete_selected", "_selected_action": [str(job.pk)], "post": "yes"}

    if how == "one":
        office.post(f"/admin/videos/videojob/{job.pk}/delete/", {"post": "yes"})
    else:
        office.post("/admin/videos/videojob/", several)

    assert not VideoJob.objects.exists()
    assert list(LedgerEntry.objects.filter(video_job_id=job.pk).values_list("kind", "amount").order_by("kind")) == [
        ("charge", -50),
        ("refund", 50),
    ]


def test_nothing_of_a_job_is_made_or_edited_by_hand(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())

    codes = [
        office.post(f"/admin/videos/videojob/{job.pk}/change/", {"phase": "succeeded"}).status_code,
        office.get("/admin/videos/videojob/add/").status_code,
    ]

    assert codes == [403, 403]


@pytest.fixture
def lost(make_user: MakeUser, make_job: MakeJob) -> VideoJob:
    return make_job(make_user(), phase=Phase.FAILED, error_code="submission_unknown")


def test_lost_operation_is_adopted(office: Client, lost: VideoJob) -> None:
    page = office.get(f"/admin/videos/videojob/{lost.pk}/change/").content.decode()
    asked = office.get(f"/admin/videos/videojob/{lost.pk}/adopt/").content.decode()
    answer = office.post(f"/admin/videos/videojob/{lost.pk}/adopt/", {"operation": "mock?began=7&seconds=1&scenario="})

    lost.refresh_from_db()
    assert f"/admin/videos/videojob/{lost.pk}/adopt/" in page
    assert "Adopt an operation" in asked
    assert (answer.status_code, lost.phase, lost.operation) == (
        302,
        Phase.GENERATING,
        "mock?began=7&seconds=1&scenario=",
    )


def test_adoption_that_is_refused_says_why(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.FAILED)

    answer = office.post(f"/admin/videos/videojob/{job.pk}/adopt/", {"operation": "mock?began=7&seconds=1&scenario="})

    assert "Only a job that failed as generation_stalled or" in answer.content.decode()


def test_name_that_is_not_the_providers_is_refused_in_a_sentence(office: Client, lost: VideoJob) -> None:
    answer = office.post(f"/admin/videos/videojob/{lost.pk}/adopt/", {"operation": "v1_../../../../etc/passwd?x=1#"})

    lost.refresh_from_db()
    assert "No operation of mock has the name" in answer.content.decode()
    assert (lost.phase, lost.operation) == (Phase.FAILED, "")


def test_adoption_needs_the_permission(client: Client, lost: VideoJob, make_user: MakeUser) -> None:
    client.force_login(make_user("support@example.com", staff=False))
    User.objects.filter(email="support@example.com").update(is_staff=True)

    answer = client.post(f"/admin/videos/videojob/{lost.pk}/adopt/", {"operation": "mock?began=7&seconds=1&scenario="})

    lost.refresh_from_db()
    assert (answer.status_code, lost.phase) == (403, Phase.FAILED)


def test_page_begins_with_timeline_and_reply(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.FAILED, prompt="A red dress", provider_reply="quota <exceeded>")
    job.log("The video service refused.")

    page = office.get(f"/admin/videos/videojob/{job.pk}/change/").content.decode()

    order = [page.index(text) for text in ("The video service refused.", "quota &lt;exceeded&gt;", ">Video<", "Ids")]
    assert order == sorted(order)
    assert re.search(r"<title>\s*A red dress \| AI Studio</title>", page)
    assert str(job.pk) not in page[page.index("<h1") : page.index("</h1>")].replace(f"/videojob/{job.pk}/change/", "")


@pytest.mark.parametrize("mock", [True, False])
def test_mock_videos_are_marked_in_the_list(office: Client, make_user: MakeUser, make_job: MakeJob, mock: bool) -> None:
    make_job(make_user(), mock_mode=mock)

    table = office.get("/admin/videos/videojob/").content.decode().partition('id="result_list"')[2]

    assert ("\nmock\n" in table) == mock
