"""The steps of a job: submit, look, transfer; what each writes, and that a second or late one changes nothing."""

import dataclasses
import hashlib
import os
import threading
import time
import uuid
from copy import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts import ledger
from accounts.models import LedgerEntry
from operations import housekeeping
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import ORDER, MakeJob, make_due, poll_due_jobs
from videos import creation, deletion
from videos.engine import generation, outcomes, schedule, sweeper, transfer
from videos.failures import FAILURES
from videos.job_requests import VideoJobRequest
from videos.media import mp4
from videos.models import JobInput, JobLog, VideoJob, from_now, new_lease
from videos.phases import LIVE, Phase, Status
from videos.providers.base import Finished, Progress, Refused, Unreachable

MADE = transfer.Video(
    Path("video.mp4"),
    mp4.VideoFacts(
        width=1280,
        height=720,
        duration_seconds=4,
        fps=24,
        codec="h264",
        has_audio=False,
        has_provenance=False,
        size_bytes=1,
    ),
    lost_provenance=False,
)


def order(prompt: str, **changes: Any) -> VideoJobRequest:
    return dataclasses.replace(ORDER, prompt=prompt, **changes)


def facts(job: VideoJob) -> tuple[str, int | None, str, int]:
    job.refresh_from_db()
    return job.phase, job.slot, job.error_code, job.progress_percentage


def balance(user: Any) -> int:
    user.token_account.refresh_from_db()
    assert user.token_account.balance == sum(LedgerEntry.objects.values_list("amount", flat=True))
    return int(user.token_account.balance)


@pytest.mark.slow
def test_job_goes_from_order_to_file(make_user: MakeUser, settings: Any) -> None:
    settings.MOCK_VIDEO_SECONDS = 0
    ann = make_user()
    job = creation.create(owner=ann, job_request=ORDER)

    generation.submit(job_id=str(job.pk))
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
        "The video is made; storing it.",
        "The video is ready.",
    ]


def test_second_submit_does_nothing(make_user: MakeUser) -> None:
    job = creation.create(owner=make_user(), job_request=ORDER)
    generation.submit(job_id=str(job.pk))
    job.refresh_from_db()
    operation, lease = job.operation, job.lease

    generation.submit(job_id=str(job.pk))

    job.refresh_from_db()
    assert (job.operation, job.lease) == (operation, lease)


@pytest.mark.parametrize("step", [generation.submit, transfer.transfer])
def test_hint_for_a_job_that_is_gone_does_nothing(db: None, step: Any) -> None:
    step(job_id=str(uuid.uuid4()))

    assert not VideoJob.objects.exists()


@pytest.mark.parametrize(
    ("prompt", "code", "given_back"),
    [("[mock:refused]", "provider_refused", 50), ("[mock:unknown]", "submission_unknown", 50)],
)
def test_failure_at_submit_gives_the_tokens_back(make_user: MakeUser, prompt: str, code: str, given_back: int) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=order(prompt))

    generation.submit(job_id=str(job.pk))

    assert facts(job) == ("failed", None, code, 0)
    assert balance(ann) == 950 + given_back
    assert job.error_message == FAILURES[code].message
    assert "mock" in job.provider_reply


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
    job = creation.create(owner=ann, job_request=order(prompt))

    generation.submit(job_id=str(job.pk))
    poll_due_jobs()

    job.refresh_from_db()
    assert (job.phase, balance(ann)) == (Phase.FAILED, expected)


def test_busy_provider_is_tried_again_after_a_back_off(make_user: MakeUser) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=order("[mock:flaky]"))

    generation.submit(job_id=str(job.pk))
    assert facts(job) == ("queued", 1, "", 0)
    generation.submit(job_id=str(job.pk))  # a stray hint during the back-off
    job.refresh_from_db()
    assert (job.phase, job.attempts) == (Phase.QUEUED, 1)
    make_due(job)
    generation.submit(job_id=str(job.pk))

    assert facts(job) == ("generating", 1, "", 5)
    assert balance(ann) == 950


def test_provider_that_stays_busy_fails_the_job(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=ORDER)
    VideoJob.objects.filter(pk=job.pk).update(attempts=len(schedule.SUBMIT_BACKOFF))
    job = VideoJob.objects.get(pk=job.pk)
    attempts = job.attempts
    VideoJob.objects.transition(job, Phase.SUBMITTING, lease=new_lease(), due_at=from_now(9), attempts=attempts)

    outcomes.send_again(job, attempts, generation.NotAccepted("busy"))

    assert facts(job)[:3] == ("failed", None, "provider_busy")
    assert balance(ann) == 1000


def test_unreadable_input_fails_before_the_call(make_user: MakeUser) -> None:
    ann = make_user()
    job = creation.create(owner=ann, job_request=ORDER)
    JobInput.objects.create(job=job, role="first_frame", file_name="inputs/gone.png", content_type="image/png")
    VideoJob.objects.update(input_count=1)

    generation.submit(job_id=str(job.pk))

    assert facts(job)[:3] == ("failed", None, "input_missing")
    assert balance(ann) == 1000
    assert list(job.inputs.values_list("file_name", flat=True)) == ["inputs/gone.png"]


def test_lost_submit_is_repeated_where_it_is_free(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.SUBMITTING, lease=new_lease(), lease_until=from_now(-1))

    sweeper.settle_lost_submits()

    assert facts(job)[0] == "queued"


def test_submit_that_was_given_up_as_lost_is_dropped(make_user: MakeUser) -> None:
    job = creation.create(owner=make_user(), job_request=ORDER)
    job = VideoJob.objects.get(pk=job.pk)
    VideoJob.objects.transition(job, Phase.SUBMITTING, lease=new_lease(), due_at=from_now(-1))
    late = VideoJob.objects.get(pk=job.pk)
    outcomes.fail(job=job, code="submission_unknown")

    generation._accepted(late, generation.Operation("late", 1))

    assert facts(job)[:3] == ("failed", None, "submission_unknown")
    job.refresh_from_db()
    assert job.operation == ""


def test_progress_only_rises(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    shown = []
    for percentage in (40, 20, 100, None):
        generation.apply_poll_result(job=job, seen=Progress(percentage=percentage))
        shown.append(facts(job)[3])

    assert shown == [38, 38, 89, 89]


def test_failed_look_is_asked_again_later(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    generation.apply_poll_result(job=job, seen=Unreachable("503"))

    job.refresh_from_db()
    assert (job.phase, job.attempts, job.provider_reply) == (Phase.GENERATING, 1, "503")


@pytest.mark.parametrize("seen", [Progress(), Unreachable("503")])
def test_operation_that_never_ends_is_given_up_after_two_days(
    make_user: MakeUser, make_job: MakeJob, seen: Any
) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, started_at="2020-01-01T00:00:00Z")

    generation.apply_poll_result(job=VideoJob.objects.get(pk=job.pk), seen=seen)

    assert facts(job)[:3] == ("failed", None, "generation_timeout")


@pytest.mark.parametrize(
    ("age", "before", "after"), [(0, 0, 5), (61, 5, 47), (61, 80, 80), (360, 5, 87), (40 * 3600, 5, 88), (-60, 5, 5)]
)
def test_progress_nears_the_end_by_age_where_the_provider_tells_nothing(
    make_user: MakeUser, make_job: MakeJob, age: int, before: int, after: int
) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, progress_percentage=before)
    VideoJob.objects.update(started_at=from_now(-age), due_at=from_now(-1))

    sweeper.claim_due_polls(10)

    assert facts(job)[3] == after


def test_age_counts_from_creation_where_no_submit_is_known(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    VideoJob.objects.update(started_at=None, created_at=from_now(-61), due_at=from_now(-1))

    sweeper.claim_due_polls(10)

    assert facts(job)[3] == 47


def test_look_that_shows_what_was_written_already_is_no_news(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    failed, old = copy(job), copy(job)
    failed.attempts, old.started_at = 1, timezone.now() - timedelta(seconds=schedule.POLL_SLOWER_AFTER)

    assert not generation.is_news(job, Progress())
    assert all(
        generation.is_news(job, seen)
        for seen in (Progress(percentage=0), Progress(next_poll_seconds=1), Finished("x"), Unreachable("503"))
    )
    assert generation.is_news(failed, Progress())
    assert generation.is_news(old, Progress())


def test_progress_ends_a_row_of_failed_looks(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, attempts=3)

    generation.apply_poll_result(job=job, seen=Progress())

    job.refresh_from_db()
    assert (job.attempts, job.phase) == (0, Phase.GENERATING)


def test_no_progress_is_taken_for_an_end(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    generation.apply_poll_result(job=job, seen=Progress(percentage=1000))

    assert facts(job)[3] == 89


def test_look_of_a_job_that_moved_on_changes_nothing(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    stale = VideoJob.objects.get(pk=job.pk)
    generation.apply_poll_result(job=job, seen=Finished("first"))

    for seen in (Finished("second"), Progress(percentage=1), Refused("no", code="generation_failed")):
        generation.apply_poll_result(job=stale, seen=seen)

    assert facts(job) == ("storing", 1, "", 90)
    assert VideoJob.objects.get().result == "first"


@pytest.mark.django_db(transaction=True)
def test_lost_hints_are_sent_again(make_user: MakeUser, make_job: MakeJob, rq_hints: Any) -> None:
    queued = make_job(make_user(), phase=Phase.QUEUED)
    storing = make_job(queued.owner, phase=Phase.STORING)

    for _ in range(2):  # the second finds nothing due
        sweeper.send_hints_again("submit", Phase.QUEUED)
        sweeper.send_hints_again("transfer", Phase.STORING)

    assert rq_hints() == {"submit": [str(queued.pk)], "media": [str(storing.pk)]}


def test_round_of_looks_takes_as_many_statements_for_three_jobs_as_for_one(
    make_user: MakeUser, make_job: MakeJob, django_assert_num_queries: Any
) -> None:
    for email, jobs in (("ann@example.com", 1), ("ben@example.com", 3)):
        owner = make_user(email)
        made = {make_job(owner, phase=Phase.GENERATING).pk for _ in range(jobs)}

        time.sleep(0.002)  # see poll_due_jobs
        with django_assert_num_queries(1):
            taken = sweeper.claim_due_polls(10)

        assert {job.pk for job, _ in taken} == made


def test_sweeper_asks_once_where_nothing_is_due(
    make_user: MakeUser, make_job: MakeJob, django_assert_num_queries: Any
) -> None:
    ann = make_user()
    later = make_job(ann, phase=Phase.GENERATING)
    VideoJob.objects.filter(pk=later.pk).update(due_at=from_now(60))

    with django_assert_num_queries(1):
        assert sweeper.due_phases() == set()

    make_job(ann, phase=Phase.STORING)
    make_job(ann)
    assert sweeper.due_phases() == {"storing", "queued"}
    assert {*sweeper.STEPS, Phase.GENERATING} == LIVE


def test_taken_looks_are_due_again_soon(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    first, second = sweeper.claim_due_polls(10), sweeper.claim_due_polls(10)

    assert ([taken.pk for taken, _ in first], second) == ([job.pk], [])
    job.refresh_from_db()
    assert job.due_at
    wait = schedule.POLL_EVERY - schedule.TICK / 2
    assert (job.due_at - job.updated_at).total_seconds() == pytest.approx(wait, abs=0.002)
    assert vars(first[0][0]).keys() == vars(VideoJob.objects.get()).keys()
    assert (first[0][0].lease, first[0][0].due_at, first[0][0].owner_id) == (job.lease, job.due_at, job.owner_id)


@pytest.mark.slow
def test_broken_download_is_tried_again(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.STORING, prompt="[mock:flaky]")

    transfer.transfer(job_id=str(job.pk))
    assert facts(job)[0] == "storing"
    transfer.transfer(job_id=str(job.pk))  # still backing off
    assert VideoJob.objects.get().attempts == 1
    make_due(job)
    transfer.transfer(job_id=str(job.pk))

    assert facts(job) == ("succeeded", None, "", 100)


def test_transfer_gives_up_when_the_file_is_gone_there(
    make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "TRANSFER_TRIES", 1)
    ann = make_user()
    job = make_job(ann, phase=Phase.STORING, prompt="[mock:flaky]", generated_at="2020-01-01T00:00:00Z")

    transfer.transfer(job_id=str(job.pk))

    assert facts(job)[:3] == ("failed", None, "result_expired")


def test_job_deleted_during_its_upload_leaves_no_file(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.STORING)
    stale = VideoJob.objects.get(pk=job.pk)
    names = {"video": f"videos/{job.pk}.mp4", "poster": f"videos/{job.pk}.jpg"}
    transfer._register(stale, names)
    deletion.delete(job_id=job.pk)
    for name in names.values():
        default_storage.save(name, ContentFile(b"x"))

    transfer._succeed(stale, names, **names, made=MADE, digest="ab")
    disposal.sweep()

    assert not any(default_storage.exists(name) for name in names.values())
    assert not Disposal.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("change", ["deleted", "taken over", "stored by another"])
def test_transfer_that_lost_its_lease_leaves_everything_as_it_is(
    make_user: MakeUser, make_job: MakeJob, change: str
) -> None:
    job = make_job(make_user(), phase=Phase.STORING, duration_seconds=1)
    stale = VideoJob.objects.get(pk=job.pk)
    names = {"video": f"videos/{job.pk}.mp4", "poster": f"videos/{job.pk}.jpg"}
    if change == "deleted":
        deletion.delete(job_id=job.pk)
    elif change == "taken over":
        VideoJob.objects.filter(pk=job.pk).update(lease=new_lease())
    else:
        transfer._succeed(job, names, **names, made=MADE, digest="ab")

    with transfer._work_folder() as folder, pytest.raises(transfer.LeaseLost):
        transfer._deliver(stale, folder)

    expected = {"deleted": [], "taken over": ["storing"], "stored by another": ["succeeded"]}[change]
    assert list(VideoJob.objects.values_list("phase", flat=True)) == expected
    assert not Disposal.objects.exists()


def test_what_a_killed_transfer_left_is_removed(settings: Any, db: None) -> None:
    old = settings.WORK_DIR / "abandoned"
    old.mkdir(parents=True)
    (old / "video.mp4").write_bytes(b"x")

    os.utime(old, (1, 1))

    with transfer._work_folder() as folder:
        assert [entry.name for entry in settings.WORK_DIR.iterdir()] == [folder.name]

    assert list(settings.WORK_DIR.iterdir()) == []


@pytest.mark.parametrize(("days", "kept"), [(29, True), (31, False)])
def test_inputs_of_a_failed_job_go_after_a_month(make_user: MakeUser, make_job: MakeJob, days: int, kept: bool) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, input_count=1)
    name = default_storage.save(f"inputs/{job.pk}.png", ContentFile(b"x"))
    JobInput.objects.create(job=job, role="first_frame", file_name=name, content_type="image/png")
    outcomes.fail(job=job, code="generation_failed")
    VideoJob.objects.filter(pk=job.pk).update(completed_at=from_now(-days * 24 * 3600))

    housekeeping.keep_house(threading.Event())
    disposal.sweep()

    assert (JobInput.objects.exists(), default_storage.exists(name)) == (kept, kept)


def test_inputs_of_a_live_job_are_never_too_old(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    JobInput.objects.create(job=job, role="first_frame", file_name="inputs/x.png", content_type="image/png")
    VideoJob.objects.update(created_at=from_now(-90 * 24 * 3600))

    generation.drop_old_inputs()

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


def test_odd_row_does_not_stop_the_sweeper(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    odd = make_job(ann, phase=Phase.SUBMITTING, provider="gone")
    lost = make_job(ann, phase=Phase.SUBMITTING)

    sweeper.settle_lost_submits()

    assert (facts(odd)[0], facts(lost)[0]) == ("submitting", "queued")


def test_provider_of_another_release_is_waited_for_and_then_fails_the_job(
    make_user: MakeUser, make_job: MakeJob
) -> None:
    job = make_job(make_user(), provider="of_a_newer_release")
    phases = []

    for _ in range(len(schedule.SUBMIT_BACKOFF) + 1):
        make_due(job)
        generation.submit(job_id=str(job.pk))
        phases.append(facts(job)[:3])

    assert phases == [*[("queued", 1, "")] * len(schedule.SUBMIT_BACKOFF), ("failed", None, "internal_error")]


def test_job_whose_pictures_are_gone_is_not_sent_without_them(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), input_count=2)
    name = default_storage.save(f"inputs/{job.pk}.png", ContentFile(b"x"))
    JobInput.objects.create(job=job, role="first_frame", file_name=name, content_type="image/png")

    generation.submit(job_id=str(job.pk))

    assert facts(job)[:3] == ("failed", None, "input_missing")


def test_defect_of_an_adapter_keeps_the_back_off_and_the_end(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, operation="no operation of the mock's")
    poll_due_jobs()
    once = facts(job)[0], VideoJob.objects.get().attempts
    VideoJob.objects.update(started_at="2020-01-01T00:00:00Z")
    make_due(job)
    poll_due_jobs()

    assert once == ("generating", 1)
    assert facts(job)[:3] == ("failed", None, "generation_timeout")


def test_vendors_text_with_a_nul_is_stored(make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)

    generation.apply_poll_result(job=job, seen=Unreachable("a\0b"))

    job.refresh_from_db()
    assert job.provider_reply == "a\ufffdb"


def test_files_of_an_earlier_try_outlast_the_next(settings: Any) -> None:
    longest_try = settings.RQ_QUEUES["media"]["DEFAULT_TIMEOUT"]

    assert schedule.TRANSFER_BACKOFF[-1] + longest_try < disposal.ADOPTION_SECONDS
