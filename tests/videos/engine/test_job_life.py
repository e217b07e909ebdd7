"""A job from its request to its end: phases, tokens, kept pictures."""

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts import ledger
from operations import housekeeping
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import ORDER, MakeJob, balance, facts, job_request, poll_due_jobs
from videos import creation, deletion
from videos.engine import inputs, outcomes, submit, transfer
from videos.media import mp4
from videos.models import JobInput, JobLog, VideoJob, from_now
from videos.phases import Phase, Status


@pytest.mark.slow
def test_job_runs_from_request_to_file(make_user: MakeUser, settings: Any) -> None:
    settings.MOCK_VIDEO_SECONDS = 0
    ann = make_user()
    job = creation.create(owner=ann, job_request=ORDER)

    submit.submit(job_id=str(job.pk))
    assert facts(job) == ("generating", 1, "", 5)
    poll_due_jobs()
    assert facts(job) == ("storing", 1, "", 90)
    transfer.transfer(job_id=str(job.pk))

    assert facts(job) == ("succeeded", None, "", 100)
    assert (job.status, job.due_at, job.lease_until) == (Status.SUCCEEDED, None, None)
    assert None not in {job.started_at, job.generated_at, job.completed_at}
    path = Path(default_storage.path(str(job.video.name)))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == job.video_sha256
    facts_of_file = mp4.inspect(path=path)
    assert (facts_of_file.width, facts_of_file.height, facts_of_file.has_audio) == (1280, 720, False)
    assert default_storage.exists(str(job.poster.name))
    assert balance(ann) == 950
    assert not Disposal.objects.exists()
    assert [line.message for line in job.logs.all()] == [
        "The job is accepted and waits for its turn.",
        "The video service has accepted the job.",
        "The video is finished; storing it.",
        "The video is ready.",
    ]


@pytest.mark.parametrize(
    ("policy", "prompt", "expected"),
    [
        ("unstarted", "[mock:fail]", 950),
        ("unstarted", "[mock:filtered]", 950),
        ("failed", "[mock:fail]", 1000),
        ("never", "[mock:refused]", 950),
    ],
)
def test_refund_follows_the_policy(make_user: MakeUser, settings: Any, policy: str, prompt: str, expected: int) -> None:
    settings.REFUND_POLICY, settings.MOCK_VIDEO_SECONDS = policy, 0
    ann = make_user()
    job = creation.create(owner=ann, job_request=job_request(prompt))

    submit.submit(job_id=str(job.pk))
    poll_due_jobs()

    job.refresh_from_db()
    assert (job.phase, balance(ann)) == (Phase.FAILED, expected)


@pytest.mark.parametrize(("days", "kept"), [(29, True), (31, False)])
def test_inputs_of_a_failed_job_go_after_a_month(make_user: MakeUser, make_job: MakeJob, days: int, kept: bool) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, input_count=1)
    name = default_storage.save(f"inputs/{job.pk}.png", ContentFile(b"x"))
    JobInput.objects.create(job=job, role="first_frame", file_name=name, content_type="image/png")
    outcomes.fail(job=job, code="generation_failed")
    VideoJob.objects.filter(pk=job.pk).update(completed_at=from_now(-days * 24 * 3600))

    housekeeping.run_housekeeping(threading.Event())
    disposal.sweep()

    assert (JobInput.objects.exists(), default_storage.exists(name)) == (kept, kept)


def test_inputs_of_a_live_job_are_never_too_old(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    JobInput.objects.create(job=job, role="first_frame", file_name="inputs/x.png", content_type="image/png")
    VideoJob.objects.update(created_at=from_now(-90 * 24 * 3600))

    inputs.drop_old_inputs()

    assert job.inputs.count() == 1


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.QUEUED, 1000),
        (Phase.SUBMITTING, 950),
        (Phase.GENERATING, 950),
        (Phase.STORING, 950),
        (Phase.SUCCEEDED, 950),
        (Phase.FAILED, 950),
    ],
)
def test_deleting_gives_tokens_back_only_while_pending(
    make_user: MakeUser, make_job: MakeJob, phase: Phase, expected: int
) -> None:

    ann = make_user()
    job = make_job(ann, phase=phase)
    ledger.charge(account=ann.token_account, job_id=job.pk, tokens=50)

    deletion.delete(job_id=job.pk)

    assert balance(ann) == expected
    assert not VideoJob.objects.exists()
    assert not JobLog.objects.exists()
    assert ann.video_jobs.live().count() == 0


def test_unknown_move_is_a_programming_error(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.SUCCEEDED)

    with pytest.raises(ValueError, match="no move from succeeded"):
        VideoJob.objects.transition(job, Phase.QUEUED, due_at=from_now(1))


def test_live_move_must_say_when_it_is_due(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())

    with pytest.raises(ValueError, match="next due"):
        VideoJob.objects.transition(job, Phase.SUBMITTING)
