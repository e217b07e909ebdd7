"""A provider no longer has the model: the next upstream gets the same job, once, and the owner pays once."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image

from accounts.models import LedgerEntry
from studio.errors import InvalidInput, Unavailable
from studio.media.images import ImageFile, read_image
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fakes.google_account import video_of_length
from tests.fixtures.video_jobs import ORDER
from tests.videos.engine.test_paid_path import drive
from videos import creation, retirements, suspension
from videos.models import Upstream, VideoJob, VideoModel
from videos.phases import Phase
from videos.providers import registry

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PAID = replace(ORDER, mock_mode=False, generate_audio=True)
OMNI_1_1, OMNI_1_2, VEO = "gemini-omni-1.1-flash", "gemini-omni-1.2-flash", "veo-3.1-generate-001"
RETIRED = {"veo-3.1-generate-preview", "veo-3.1-fast-generate-preview", "veo-3.1-lite-generate-preview", OMNI_1_1}


@pytest.fixture
def google(db: None, settings: Any) -> Iterator[FakeGoogle]:
    """Google with a key has only Omni 1.2 left, but the catalogue has no retirement date for 1.1."""
    Upstream.objects.filter(upstream_model=OMNI_1_1).update(retires_on=None)
    with FakeGoogle(video=video_of_length(4), retired=set(RETIRED)) as fake:
        settings.GEMINI_API_KEY, settings.GOOGLE_GEMINI_BASE_URL = "gemini-key", fake.url
        settings.GOOGLE_VERTEX_BASE_URL = fake.url
        settings.VERTEX_API_KEY = settings.VERTEX_PROJECT = ""
        settings.PROVIDER_TIMEOUT_SECONDS = 5
        registry.built.cache_clear()
        yield fake
        for name in registry.configured():
            registry.provider(name).backend.close()  # type: ignore[attr-defined]
        registry.built.cache_clear()


def submitted(google: FakeGoogle) -> list[str]:
    """The submitted models, in order."""
    return [call["body"].get("model") or call["path"] for call in google.calls("submit")]


def created(make_user: MakeUser, **changes: Any) -> VideoJob:
    return creation.create(owner=make_user(), job_request=replace(PAID, **changes))


def lines(job: VideoJob) -> list[str]:
    return [line.message for line in job.logs.all()]


def test_documented_example_survives_the_end_of_omni_1_1(
    google: FakeGoogle, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    Upstream.objects.filter(upstream_model=OMNI_1_1).update(retires_on=date(2026, 12, 3))
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 12, 4, 9, tzinfo=UTC))

    job = drive(created(make_user))

    assert (job.phase, job.provider, job.upstream_model, job.refused_by) == ("succeeded", "google_omni", OMNI_1_2, None)
    assert submitted(google) == [OMNI_1_2]


def test_next_upstream_takes_the_job(google: FakeGoogle, make_user: MakeUser) -> None:
    Upstream.objects.filter(upstream_model=OMNI_1_1).update(position=0)

    job = drive(created(make_user))

    assert (job.phase, job.model, job.upstream_model) == ("succeeded", ORDER.model, OMNI_1_2)
    assert job.refused_by == [["google_omni", OMNI_1_1, "model_unavailable"]]
    assert submitted(google) == [OMNI_1_1, OMNI_1_2]
    assert len(google.account.works) == 1
    assert lines(job) == [
        "The job is accepted and waits for its turn.",
        "The video service could not accept this video; another one will generate it.",
        "The video service has accepted the job.",
        "The video is finished; storing it.",
        "The video is ready.",
    ]
    assert list(LedgerEntry.objects.filter(video_job_id=job.pk).values_list("kind", "amount")) == [("charge", -50)]


@pytest.mark.parametrize("fault", ["404", "401"])
def test_job_that_may_be_accepted_is_not_rerouted(google: FakeGoogle, make_user: MakeUser, fault: str) -> None:
    Upstream.objects.filter(upstream_model=OMNI_1_1).update(position=0)
    google.account.retired.discard(OMNI_1_1)
    google.script("submit", "lost-503")
    google.script("submit", fault)

    job = drive(created(make_user))

    assert submitted(google) == [OMNI_1_1, OMNI_1_1]
    assert (job.phase, job.error_code, job.refused_by, len(google.account.works)) == (
        "failed",
        "submission_unknown",
        None,
        1,
    )


def test_job_fails_only_after_the_last_upstream(google: FakeGoogle, make_user: MakeUser) -> None:
    google.account.retired.add(OMNI_1_2)

    job = drive(created(make_user))

    assert (job.phase, job.error_code, job.slot) == ("failed", "model_unavailable", None)
    assert job.refused_by == [["google_omni", OMNI_1_1, "model_unavailable"]]
    assert submitted(google) == [OMNI_1_1, OMNI_1_2]
    assert sum(LedgerEntry.objects.filter(video_job_id=job.pk).values_list("amount", flat=True)) == 0


def test_third_refusal_suspends_the_upstream_and_a_probe_resumes_it(google: FakeGoogle, make_user: MakeUser) -> None:
    google.account.retired.add(OMNI_1_2)
    ann = make_user()
    for _ in range(3):
        drive(creation.create(owner=ann, job_request=PAID))

    with pytest.raises(Unavailable, match="No provider is configured for this model"):
        creation.create(owner=ann, job_request=PAID)
    suspension.resume_available(check_stopped=lambda: None)
    still_closed = retirements.suspended_count()
    google.account.retired.clear()
    suspension.resume_available(check_stopped=lambda: None)

    assert (still_closed, retirements.suspended_count()) == (2, 0)
    assert drive(creation.create(owner=ann, job_request=PAID)).phase == Phase.SUCCEEDED


def test_next_upstream_must_support_the_request(google: FakeGoogle, make_user: MakeUser) -> None:
    Upstream.objects.filter(upstream_model=OMNI_1_2).update(durations={"720p": [8]})

    job = drive(created(make_user))

    assert (job.phase, job.error_code, submitted(google)) == ("failed", "model_unavailable", [OMNI_1_1])


def test_wrong_key_goes_to_another_provider(google: FakeGoogle, make_user: MakeUser, settings: Any) -> None:
    settings.VERTEX_API_KEY = "vertex-key"
    Upstream.objects.filter(provider="google_vertex").update(position=9)
    google.script("submit", "403")

    job = drive(created(make_user))

    assert (job.phase, job.provider, job.upstream_model) == ("succeeded", "google_omni_vertex", OMNI_1_2)
    assert job.refused_by == [["google_omni", OMNI_1_1, "provider_misconfigured"]]
    refusals = set(Upstream.objects.filter(upstream_model=OMNI_1_1).values_list("refusals", flat=True))
    assert refusals == {1}


def test_key_that_was_rejected_is_not_tried_again(google: FakeGoogle, make_user: MakeUser, settings: Any) -> None:
    settings.VERTEX_API_KEY = "vertex-key"
    Upstream.objects.filter(provider__in=("google_vertex", "google_omni_vertex")).update(position=9)
    google.account.retired |= {VEO, OMNI_1_2}
    google.script("submit", "403")

    job = drive(created(make_user))

    assert (job.error_code, [code for _, _, code in job.refused_by]) == (
        "model_unavailable",
        ["provider_misconfigured", "model_unavailable"],
    )
    assert len(google.calls("submit")) == 3
    assert {call["key"] for call in google.calls("submit")[1:]} == {"vertex-key"}


def test_wrong_key_fails_without_another_provider(google: FakeGoogle, make_user: MakeUser) -> None:
    google.script("submit", "403", times=9)

    job = drive(created(make_user))

    assert (job.phase, job.error_code, len(submitted(google))) == ("failed", "provider_misconfigured", 1)
    assert not Upstream.objects.exclude(refusals=0).exists()  # no upstream would be left


def test_deleted_public_name_has_no_next_upstream(google: FakeGoogle, make_user: MakeUser) -> None:
    job = created(make_user)
    VideoModel.objects.filter(name=ORDER.model).delete()

    assert (drive(job).error_code, submitted(google)) == ("model_unavailable", [OMNI_1_1])


def reference() -> ImageFile:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return read_image(io.BytesIO(out.getvalue()))


def test_references_join_a_first_frame_where_an_upstream_takes_both(google: FakeGoogle, make_user: MakeUser) -> None:
    google.account.retired.clear()
    with_both = {"initial_image": reference(), "reference_images": (reference(),)}

    job = created(make_user, **with_both)

    assert (job.upstream_model, job.input_count) == (OMNI_1_1, 2)
    with pytest.raises(InvalidInput, match="referenceImages: Must be left out with a last frame"):
        creation.create(owner=job.owner, job_request=replace(PAID, end_frame=reference(), **with_both))


def test_last_frame_has_lengths_of_its_own(google: FakeGoogle, make_user: MakeUser) -> None:
    Upstream.objects.filter(provider="google_omni").update(last_frame_durations=[3, 8])

    with pytest.raises(InvalidInput, match="durationSeconds: Must be 3 or 8 with a last frame"):
        created(make_user, initial_image=reference(), end_frame=reference())
