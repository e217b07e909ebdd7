"""Searches for jobs in the back office, the page of a job, and their statements."""

import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from accounts.models import User
from looks.models import LookVideo
from tests.conftest import MakeUser
from tests.fixtures.staff import MakeStaff
from tests.fixtures.video_jobs import MakeJob
from tests.operations.reconciliation.test_comparison import paid
from tests.videos.api.test_videos_of_looks import make_look
from videos.backoffice import job_search
from videos.models import JobInput, VideoJob
from videos.phases import Phase

LIST = "/admin/videos/videojob/"
JOB_ID = uuid.UUID("abcdef12-3456-4789-8abc-def012345678")


@pytest.fixture
def office(client: Client, make_staff: MakeStaff) -> Client:
    client.force_login(make_staff("view_videojob", "view_joblog", "view_ledgerentry", "operate_videojob"))
    return client


def listed(office: Client, **query: str) -> set[uuid.UUID]:
    return {job.pk for job in office.get(LIST, query).context["cl"].result_list}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (str(JOB_ID), {"ann"}),
        ("ABCDEF12-34", {"ann"}),
        ("abcdef", {"ann"}),
        ("ABCD", {"ann"}),
        ("abc", set()),  # too short for an id, and in no prompt
        ("ann@example.com", {"ann"}),
        ("Ann@", {"ann"}),
        ("ann", {"ann", "ben"}),  # Ann's address and Ben's prompt
        ("velvet", {"ben"}),
        ("decade", {"ben"}),  # looks like an id but is none
        ("100%", set()),
        ("nobody@example.com", set()),
        ("  ", {"ann", "ben"}),
    ],
)
def test_job_is_found(office: Client, make_user: MakeUser, make_job: MakeJob, text: str, found: set[str]) -> None:
    jobs = {
        "ann": make_job(make_user(), id=JOB_ID, prompt="A red dress"),
        "ben": make_job(make_user("ben@example.com"), prompt="Velvet of the last decade, for Ann"),
    }

    assert listed(office, q=text) == {jobs[name].pk for name in found}


def test_prompts_are_searched_among_the_newest_only(
    office: Client, make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_search, "PROMPTS_SEARCHED", 2)
    ann = make_user()
    jobs = [make_job(ann, phase=Phase.FAILED, prompt="velvet") for _ in range(3)]

    assert listed(office, q="velvet") == {job.pk for job in jobs[1:]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "PENDING"}, {"queued"}),
        ({"status": "RUNNING"}, {"generating"}),
        ({"status": "FAILED"}, {"failed"}),
        ({"status": "nonsense"}, {"queued", "generating", "failed"}),
        ({"phase__exact": "generating"}, {"generating"}),
        ({"error_code": "content_filtered"}, {"failed"}),
        ({"error_code": "storage_failed"}, set()),
        ({"model": "veo-3.1-generate-preview"}, {"queued", "generating", "failed"}),
        ({"provider": "veo"}, set()),
        ({"mock_mode__exact": "0"}, set()),
        ({"created_at_from": "2020-01-01"}, {"queued", "generating", "failed"}),
    ],
)
def test_list_is_filtered(
    office: Client, make_user: MakeUser, make_job: MakeJob, query: dict[str, str], found: set[str]
) -> None:
    ann = make_user()
    jobs = {
        "queued": make_job(ann),
        "generating": make_job(ann, phase=Phase.GENERATING),
        "failed": make_job(ann, phase=Phase.FAILED, error_code="content_filtered"),
    }

    assert listed(office, **query) == {jobs[name].pk for name in found}


def complete(make_job: MakeJob, owner: User) -> VideoJob:
    """A job with all that a page can show."""
    job = paid(make_job(owner, phase=Phase.FAILED, provider_reply="<b>raw</b> words", input_count=1))
    name = default_storage.save(f"inputs/{job.pk}.png", ContentFile(b"x"))
    JobInput.objects.create(job=job, role="first_frame", file_name=name, content_type="image/png")
    LookVideo.objects.create(look=make_look(owner), video=job)
    for number in range(3):
        job.log(f"Line {number}")
    return job


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_for_any_number_of_rows(
    office: Client, make_user: MakeUser, make_job: MakeJob, rows: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(rows):
        complete(make_job, make_user(f"{number}@example.com"))
    office.get(LIST)  # fills permanent caches

    with django_assert_max_num_queries(12) as asked:
        answer = office.get(LIST)

    assert len(answer.context["cl"].result_list) == rows
    assert len(asked) == 10


def test_page_costs_little(
    office: Client, make_user: MakeUser, make_job: MakeJob, django_assert_max_num_queries: Any
) -> None:
    job = complete(make_job, make_user())
    office.get(f"{LIST}{job.pk}/change/")

    with django_assert_max_num_queries(20):
        office.get(f"{LIST}{job.pk}/change/")


def test_page_shows_what_there_is(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    job = complete(make_job, make_user())

    page = office.get(f"{LIST}{job.pk}/change/").content.decode()

    assert f"/media/inputs/{job.pk}.png" in page
    assert "&lt;b&gt;raw&lt;/b&gt; words" in page
    assert "Stone Essence" in page
    assert "Line 2" in page
    assert "-50" in page
    assert f"/admin/accounts/user/{job.owner_id}/change/" in page
    assert 'name="_save"' not in page


def test_page_plays_the_video(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.SUCCEEDED, poster="videos/x.jpg")

    page = office.get(f"{LIST}{job.pk}/change/").content.decode()

    assert f'src="/media/videos/{job.pk}.mp4" poster="/media/videos/x.jpg"' in page
    assert 'src="/media/videos/x.jpg"' in office.get(LIST).content.decode()


def test_money_is_shown_to_those_who_may_see_it(
    client: Client, make_staff: MakeStaff, make_user: MakeUser, make_job: MakeJob
) -> None:
    client.force_login(make_staff("view_videojob"))
    job = complete(make_job, make_user())

    assert client.get(f"{LIST}{job.pk}/change/").context["entries"] is None


def test_count_of_rows_has_a_limit(
    office: Client, make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.backoffice.base.COUNTED_MOST", 2)
    ann = make_user()
    for _ in range(3):
        make_job(ann)

    assert office.get(LIST).context["cl"].result_count == 2


@pytest.mark.parametrize("sees_jobs", [True, False])
def test_ledger_shows_prompts_to_those_who_may_see_jobs(
    client: Client, make_staff: MakeStaff, make_user: MakeUser, make_job: MakeJob, sees_jobs: bool
) -> None:
    job = paid(make_job(make_user(), prompt="A secret gown"))
    client.force_login(make_staff("view_ledgerentry", *(["view_videojob"] if sees_jobs else [])))

    page = client.get("/admin/accounts/ledgerentry/", {"q": str(job.pk)[:9]}).content.decode()

    assert ("A secret gown" in page, f"video {str(job.pk)[:8]}" in page) == (sees_jobs, not sees_jobs)


def test_word_that_could_be_an_id_is_a_word_first(office: Client, make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    by_id = make_job(ann, id=JOB_ID, prompt="A gown")
    before = listed(office, q="abcd")
    by_word = make_job(ann, prompt="The abcd of fashion")

    assert (before, listed(office, q="abcd"), listed(office, q="abcdef12")) == ({by_id.pk}, {by_word.pk}, {by_id.pk})
