"""Upstreams that no longer have their model: counted, suspended, resumed."""

import logging
from typing import Any

import pytest
from django.test import Client

from operations.housekeeping import Stopped
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from tests.videos.backoffice.test_catalogue_admin import form_of, page
from videos import suspension
from videos.catalogue import DEFAULT_MODEL, usable_upstreams, why_unused
from videos.models import Upstream, VideoJob, VideoModel
from videos.providers.base import NotAccepted, OutcomeUnknown, Refused

pytestmark = pytest.mark.django_db
OMNI = "gemini-omni-1.2-flash"
GONE = Refused("models/x is not found", code="model_unavailable")


@pytest.fixture
def job(make_user: MakeUser, make_job: MakeJob, settings: Any) -> VideoJob:
    settings.GEMINI_API_KEY = "a key"
    return make_job(make_user(), provider="google_omni", upstream_model=OMNI, mock_mode=False)


def rows() -> set[tuple[int, bool, str]]:
    """The refusals and suspensions of Omni 1.2 behind every public name."""
    found = Upstream.objects.filter(provider="google_omni", upstream_model=OMNI)
    return {(row.refusals, row.suspended_at is not None, row.suspended_because) for row in found}


def refuse(job: VideoJob, times: int) -> None:
    for _ in range(times):
        suspension.count_refusal(job=job, exc=GONE)


def test_third_refusal_in_a_row_suspends_behind_every_public_name(
    job: VideoJob, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    refuse(job, 2)
    before = rows()
    with django_capture_on_commit_callbacks(execute=True):
        refuse(job, 1)

    reason = "the provider says that it does not have this model (3 refusals in a row)"
    assert (before, rows()) == ({(2, False, "")}, {(3, True, reason)})
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "upstream.suspended"
    ]
    upstream = Upstream.objects.filter(provider="google_omni", upstream_model=OMNI)[0]
    assert why_unused(upstream).startswith("suspended by the system since 20")
    assert why_unused(upstream).endswith(f"UTC: {reason}")
    model = VideoModel.objects.get(name=DEFAULT_MODEL)
    assert OMNI not in {row.upstream_model for row in usable_upstreams(model)}


def test_accepted_job_begins_the_count_anew(job: VideoJob) -> None:
    refuse(job, 2)
    suspension.count_acceptance(job=job)
    refuse(job, 2)

    assert rows() == {(2, False, "")}


def test_suspension_keeps_its_first_moment_and_reason(job: VideoJob) -> None:
    refuse(job, 3)
    first = set(Upstream.objects.exclude(suspended_at=None).values_list("suspended_at", flat=True))

    refuse(job, 2)

    assert set(Upstream.objects.exclude(suspended_at=None).values_list("suspended_at", flat=True)) == first
    assert {refusals for refusals, _, _ in rows()} == {5}


@pytest.mark.parametrize(
    ("exc", "concerns"),
    [
        (GONE, True),
        (Refused("no key", code="provider_misconfigured"), True),
        (Refused("no", code="provider_refused"), False),
        (Refused("no", code="content_filtered"), False),
        (NotAccepted("busy"), False),
        (OutcomeUnknown("lost"), False),
    ],
)
def test_only_sure_refusals_concern_the_upstream(exc: Any, concerns: bool) -> None:
    assert suspension.concerns_upstream(exc) is concerns


def test_staff_resume_it_in_the_admin(job: VideoJob, client: Client, make_user: MakeUser) -> None:
    refuse(job, 3)
    model = VideoModel.objects.get(name=OMNI)
    upstream = model.upstreams.get(provider="google_omni")
    model.upstreams.exclude(pk=upstream.pk).delete()
    client.force_login(make_user("boss@example.com", staff=True))
    form = form_of(model, upstream, provider="google_omni", upstream_model=OMNI, price_720p="0.08", resume="on")

    shown = client.get(page(model)).content.decode()
    said = client.post(page(model), form, follow=True).content.decode()

    assert "Not used: suspended by the system since" in shown
    assert rows() == {(0, False, "")}  # behind the other public names, too
    assert f"Made by google_omni: {OMNI}." in said
    assert Upstream.objects.get(pk=upstream.pk).prices == {"720p": "0.08"}


@pytest.mark.parametrize(
    ("named", "expected"), [("gemini-omni-1.1-flash", (0, False)), ("gemini-omni-1.2-flash", (3, True))]
)
def test_row_has_what_is_known_of_the_upstream_that_it_names(
    job: VideoJob, client: Client, make_user: MakeUser, named: str, expected: tuple[int, bool]
) -> None:
    refuse(job, 3)
    model = VideoModel.objects.get(name=DEFAULT_MODEL)
    model.upstreams.exclude(provider="google_omni").delete()
    suspended, other = model.upstreams.get(upstream_model=OMNI), model.upstreams.exclude(upstream_model=OMNI).get()
    edited = suspended if named != OMNI else other
    model.upstreams.exclude(pk=edited.pk).delete()
    client.force_login(make_user("boss@example.com", staff=True))

    form = form_of(model, edited, provider="google_omni", upstream_model=named)
    client.post(page(model), form | {"only_mock": "on"})

    edited.refresh_from_db()
    assert (edited.upstream_model, edited.refusals, edited.suspended_at is not None) == (named, *expected)


def test_suspended_upstream_is_used_again_in_place_of_another(
    job: VideoJob, client: Client, make_user: MakeUser
) -> None:
    refuse(job, 3)
    model = VideoModel.objects.get(name=OMNI)
    suspended = model.upstreams.get(provider="google_omni")
    other = model.upstreams.get(provider="google_omni_vertex")
    Upstream.objects.filter(pk=other.pk).update(provider="google_omni", upstream_model="another")
    client.force_login(make_user("boss@example.com", staff=True))
    first = form_of(model, suspended, provider="google_omni", upstream_model=OMNI, resume="on")
    second = form_of(model, other, provider="google_omni", upstream_model="another")
    del second["upstreams-0-is_enabled"]  # the only one in use before
    both = first | {name.replace("-0-", "-1-"): value for name, value in second.items() if "-0-" in name}

    client.post(page(model), both | {"upstreams-TOTAL_FORMS": 2, "upstreams-INITIAL_FORMS": 2})

    assert rows() == {(0, False, "")}
    assert not Upstream.objects.get(pk=other.pk).is_enabled


def test_probe_that_breaks_keeps_no_other_upstream_from_being_resumed(job: VideoJob, settings: Any) -> None:
    refuse(job, 3)
    asked = []

    def check_stopped() -> None:
        asked.append(True)
        raise Stopped

    with pytest.raises(Stopped):
        suspension.resume_available(check_stopped=check_stopped)
    settings.GOOGLE_GEMINI_BASE_URL = "http://127.0.0.1:1"
    suspension.resume_available(check_stopped=lambda: None)

    assert asked == [True]
    assert {is_suspended for _, is_suspended, _ in rows()} == {True}
