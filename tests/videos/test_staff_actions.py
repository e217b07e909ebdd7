"""What staff does to a job by hand, and who may."""

import io
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.storage import default_storage
from PIL import Image

from accounts.models import LedgerEntry, User
from looks.models import LookVideo
from operations.reconciliation.comparison import reconcile
from studio.errors import (
    Conflict,
    InsufficientFunds,
    InvalidInput,
    LimitReached,
    NotAllowed,
    NotFound,
    StudioError,
    Unavailable,
)
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob, facts, job_request, poll_due_jobs
from tests.operations.reconciliation.test_comparison import paid
from tests.studio.media.pictures import read
from tests.videos.api.test_videos_of_looks import make_look
from tests.videos.engine.test_races import at_once
from videos import creation, deletion, staff_actions
from videos.engine import inputs, outcomes, submit, sweeper, transfer
from videos.models import VideoJob, from_now, new_lease
from videos.phases import Phase
from videos.providers.base import Operation
from videos.recovery.adoption import adopt_operation

MakeStaff = Callable[..., User]


@pytest.fixture
def make_staff(make_user: MakeUser) -> MakeStaff:
    """A member of staff with these rights on video jobs."""

    def make(*codenames: str, email: str = "staff@example.com") -> User:
        user = make_user(email)  # not staff=True: that may do everything
        User.objects.filter(pk=user.pk).update(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return User.objects.get(pk=user.pk)

    return make


@pytest.fixture
def operator(make_staff: MakeStaff) -> User:
    return make_staff("operate_videojob")


@pytest.fixture
def support(make_staff: MakeStaff) -> User:
    return make_staff("refund_videojob", email="support@example.com")


@pytest.fixture
def crimson() -> bytes:
    """A picture, as a client uploads it."""
    data = io.BytesIO()
    Image.new("RGB", (90, 160), "crimson").save(data, "PNG")
    return data.getvalue()


def failed(owner: User, code: str = "content_filtered", **changes: Any) -> VideoJob:
    job = creation.create(owner=owner, job_request=job_request("A red dress", **changes))
    assert outcomes.fail(job=job, code=code)
    return VideoJob.objects.get(pk=job.pk)


def content(name: str) -> bytes:
    with default_storage.open(name) as file:
        return bytes(file.read())


def entries_of(job: VideoJob) -> list[tuple[str, int, str, str | None]]:
    rows = LedgerEntry.objects.filter(video_job_id=job.pk).order_by("created_at", "id")
    return list(rows.values_list("kind", "amount", "note", "actor__email"))


@pytest.mark.parametrize(("charge", "tokens", "terms"), [(True, 50, "again"), (False, 0, "again, free of charge")])
def test_failed_job_is_made_again(make_user: MakeUser, operator: User, charge: bool, tokens: int, terms: str) -> None:
    ann = make_user()
    job = failed(ann)

    again = staff_actions.retry(job_id=job.pk, charge=charge, actor=operator)

    assert facts(job)[:3] == ("failed", None, "content_filtered")
    assert facts(again)[:3] == ("queued", 1, "")
    assert (again.pk != job.pk, again.owner, again.prompt, again.model, again.tokens_charged) == (
        True,
        ann,
        job.prompt,
        job.model,
        tokens,
    )
    assert entries_of(again) == [("charge", -tokens, f"video job {job.pk} made {terms}", "staff@example.com")]
    ann.token_account.refresh_from_db()
    assert ann.token_account.balance == 950 - tokens
    assert [found.kind for found in reconcile(fix=False) if found.kind != "stray file"] == []


def test_job_is_made_again_from_the_same_pictures_for_the_same_look(
    make_user: MakeUser, operator: User, crimson: bytes
) -> None:
    ann = make_user()
    look = make_look(ann)
    end, reference = read(crimson), read(crimson)
    job = failed(ann, look_id=str(look.pk), end_frame=end, reference_images=(reference,))
    look_image = content(str(look.image.name))
    look.image.name = look.thumbnail.name = "looks/another.png"
    look.save(update_fields=["image", "thumbnail"])

    again = staff_actions.retry(job_id=job.pk, charge=True, actor=operator)

    pictures = [(row.role, content(row.file_name)) for row in again.inputs.all()]
    assert pictures == [("first_frame", look_image), ("last_frame", crimson), ("reference", crimson)]
    assert again.input_count == 3
    assert {row.file_name for row in again.inputs.all()}.isdisjoint(row.file_name for row in job.inputs.all())
    assert set(LookVideo.objects.filter(look=look).values_list("video_id", flat=True)) == {job.pk, again.pk}


def test_second_click_makes_no_second_job(make_user: MakeUser, operator: User) -> None:
    ann = make_user()
    job = failed(ann)

    first = staff_actions.retry(job_id=job.pk, charge=True, actor=operator)
    with pytest.raises(staff_actions.MadeAgainBefore) as refused:
        staff_actions.retry(job_id=job.pk, charge=True, actor=operator)

    ann.token_account.refresh_from_db()
    assert (refused.value.job, first.retry_of_id) == (first, job.pk)
    assert (VideoJob.objects.count(), ann.token_account.balance) == (2, 900)


def test_free_job_gives_nothing_back(make_user: MakeUser, operator: User) -> None:
    again = staff_actions.retry(job_id=failed(make_user()).pk, charge=False, actor=operator)

    with pytest.raises(Conflict, match="cost nothing"):
        staff_actions.refund(job_id=again.pk, reason="x", actor=operator)


def test_poor_owner_has_a_job_made_again_for_nothing_only(make_user: MakeUser, operator: User) -> None:
    job = failed(make_user(tokens=50))

    with pytest.raises(InsufficientFunds):
        staff_actions.retry(job_id=job.pk, charge=True, actor=operator)
    staff_actions.retry(job_id=job.pk, charge=False, actor=operator)

    assert VideoJob.objects.live().count() == 1


def test_job_is_not_made_again_beyond_the_slots(make_user: MakeUser, make_job: MakeJob, operator: User) -> None:
    ann = make_user()
    job = failed(ann)
    for _ in range(3):
        make_job(ann)

    with pytest.raises(LimitReached):
        staff_actions.retry(job_id=job.pk, charge=False, actor=operator)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase != Phase.FAILED])
def test_only_a_failed_job_is_made_again(make_user: MakeUser, make_job: MakeJob, operator: User, phase: Phase) -> None:
    job = make_job(make_user(), phase=phase)

    with pytest.raises(Conflict, match="has failed"):
        staff_actions.retry(job_id=job.pk, charge=False, actor=operator)

    assert VideoJob.objects.count() == 1


def test_job_whose_pictures_are_gone_is_not_made_again(make_user: MakeUser, operator: User, crimson: bytes) -> None:
    job = failed(make_user(), initial_image=read(crimson))
    VideoJob.objects.update(completed_at=from_now(-31 * 24 * 3600))
    inputs.drop_old_inputs()

    with pytest.raises(Conflict, match="kept for 30 days"):
        staff_actions.retry(job_id=job.pk, charge=True, actor=operator)

    VideoJob.objects.update(input_count=None)  # a row from before they were counted
    with pytest.raises(Conflict, match="kept for 30 days"):
        staff_actions.retry(job_id=job.pk, charge=True, actor=operator)


def test_picture_that_cannot_be_read_stops_the_retry(make_user: MakeUser, operator: User, crimson: bytes) -> None:
    job = failed(make_user(), initial_image=read(crimson))
    default_storage.delete(job.inputs.get().file_name)

    with pytest.raises(Unavailable, match="cannot be read"):
        staff_actions.retry(job_id=job.pk, charge=True, actor=operator)

    assert VideoJob.objects.count() == 1


@pytest.mark.parametrize("phase", [Phase.GENERATING, Phase.SUCCEEDED, Phase.FAILED])
def test_tokens_are_given_back_once_whatever_the_phase(
    make_user: MakeUser, make_job: MakeJob, support: User, phase: Phase
) -> None:
    job = paid(make_job(make_user(), phase=phase))

    assert staff_actions.refund(job_id=job.pk, reason="  Wrong\n dress ", actor=support) == 50
    with pytest.raises(Conflict, match="given back before"):
        staff_actions.refund(job_id=job.pk, reason="again", actor=support)

    assert entries_of(job) == [("charge", -50, "", None), ("refund", 50, "Wrong dress", "support@example.com")]
    assert [line.message for line in job.logs.all()] == ["Your 50 tokens were returned."]


@pytest.mark.parametrize("reason", ["", " \n\0", "x" * 501])
def test_reason_is_demanded(make_user: MakeUser, make_job: MakeJob, operator: User, reason: str) -> None:
    job = paid(make_job(make_user()))

    for intervene in (staff_actions.refund, staff_actions.fail_and_refund):
        with pytest.raises(InvalidInput, match="reason"):
            intervene(job_id=job.pk, reason=reason, actor=operator)

    assert (facts(job)[0], entries_of(job)) == ("queued", [("charge", -50, "", None)])


def test_support_refunds_within_a_days_limit(
    make_user: MakeUser, make_job: MakeJob, support: User, operator: User, settings: Any
) -> None:
    settings.SUPPORT_REFUND_TOKENS = 120
    ann = make_user()
    jobs = [paid(make_job(ann, phase=Phase.FAILED)) for _ in range(4)]
    for job in jobs[:2]:
        staff_actions.refund(job_id=job.pk, reason="x", actor=support)

    with pytest.raises(LimitReached, match="120 tokens a day"):
        staff_actions.refund(job_id=jobs[2].pk, reason="x", actor=support)

    assert [len(entries_of(job)) for job in jobs] == [2, 2, 1, 1]
    assert jobs[2].logs.count() == 0
    for job in jobs[2:]:  # an operator's count is nobody's concern
        staff_actions.refund(job_id=job.pk, reason="x", actor=operator)


def test_new_day_has_a_new_limit(make_user: MakeUser, make_job: MakeJob, support: User, settings: Any) -> None:
    settings.SUPPORT_REFUND_TOKENS = 50
    ann = make_user()
    yesterday, today = (paid(make_job(ann, phase=Phase.FAILED)) for _ in range(2))
    staff_actions.refund(job_id=yesterday.pk, reason="x", actor=support)
    super(type(LedgerEntry.objects.all()), LedgerEntry.objects.filter(kind="refund")).update(
        created_at=from_now(-24 * 3600)
    )

    assert staff_actions.refund(job_id=today.pk, reason="x", actor=support) == 50


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_refunds_at_once_stay_within_the_limit(
    make_user: MakeUser, make_job: MakeJob, support: User, settings: Any
) -> None:
    settings.SUPPORT_REFUND_TOKENS = 100
    jobs = [paid(make_job(make_user(f"{n}@example.com"), phase=Phase.FAILED)) for n in range(6)]

    def attempt(job: VideoJob) -> str:
        try:
            return str(staff_actions.refund(job_id=job.pk, reason="x", actor=support))
        except LimitReached as exc:
            return exc.code

    outcomes = at_once([lambda job=job: attempt(job) for job in jobs])  # type: ignore[misc]

    assert sorted(outcomes) == ["50", "50", *["refund_limit_reached"] * 4]


@pytest.mark.parametrize("policy", ["unstarted", "failed", "never"])
@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.SUBMITTING, Phase.GENERATING, Phase.STORING])
def test_live_job_is_ended_and_refunded(
    make_user: MakeUser, make_job: MakeJob, operator: User, phase: Phase, policy: str, settings: Any
) -> None:
    settings.REFUND_POLICY = policy
    lease = new_lease() if phase in {Phase.SUBMITTING, Phase.STORING} else None
    job = paid(make_job(make_user(), phase=phase, lease=lease))

    staff_actions.fail_and_refund(job_id=job.pk, reason="Asked by phone", actor=operator)

    assert facts(job)[:3] == ("failed", None, "cancelled_by_staff")
    assert job.provider_reply == "Stopped by hand: Asked by phone"
    assert entries_of(job) == [("charge", -50, "", None), ("refund", 50, "Asked by phone", "staff@example.com")]


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_finished_job_is_not_ended(make_user: MakeUser, make_job: MakeJob, operator: User, phase: Phase) -> None:
    job = paid(make_job(make_user(), phase=phase))

    with pytest.raises(Conflict, match="finished"):
        staff_actions.fail_and_refund(job_id=job.pk, reason="x", actor=operator)

    assert entries_of(job) == [("charge", -50, "", None)]


def test_what_the_provider_delivers_after_the_end_is_dropped(
    make_user: MakeUser, make_job: MakeJob, operator: User, settings: Any
) -> None:
    settings.MOCK_VIDEO_SECONDS = 0
    ann, ben = make_user(), make_user("ben@example.com")
    handed_over = make_job(ann, phase=Phase.SUBMITTING, lease=new_lease())
    stored = make_job(ben, phase=Phase.STORING, result="mock")
    for job in (handed_over, stored):
        staff_actions.fail_and_refund(job_id=job.pk, reason="x", actor=operator)

    submit._accept(handed_over, Operation("late", 1))
    poll_due_jobs()
    transfer.transfer(job_id=str(stored.pk))

    assert [facts(job)[:3] for job in (handed_over, stored)] == [("failed", None, "cancelled_by_staff")] * 2
    assert [job.video.name for job in (handed_over, stored)] == ["", ""]


def test_generating_job_is_looked_at_at_once(make_user: MakeUser, make_job: MakeJob, operator: User) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING, due_at=from_now(60))

    staff_actions.poll_now(job_id=job.pk, actor=operator)

    assert [found.pk for found, _ in sweeper.claim_due_polls(10)] == [job.pk]


@pytest.mark.parametrize(("phase", "queue"), [(Phase.QUEUED, "submit"), (Phase.STORING, "media")])
def test_back_off_ends_and_a_hint_goes_out(
    make_user: MakeUser,
    make_job: MakeJob,
    operator: User,
    rq_hints: Any,
    django_capture_on_commit_callbacks: Any,
    phase: Phase,
    queue: str,
) -> None:
    job = make_job(make_user(), phase=phase, due_at=from_now(300), lease_until=from_now(300), attempts=4)

    with django_capture_on_commit_callbacks(execute=True):
        staff_actions.poll_now(job_id=job.pk, actor=operator)

    job.refresh_from_db()
    assert rq_hints()[queue] == [str(job.pk)]
    assert (VideoJob.objects.claimable().get(), VideoJob.objects.due(phase).get(), job.attempts) == (job, job, 4)


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase.SUBMITTING, "being processed"),
        (Phase.STORING, "being processed"),
        (Phase.SUCCEEDED, "finished"),
        (Phase.FAILED, "finished"),
    ],
)
def test_nobody_is_hurried_who_works_or_has_finished(
    make_user: MakeUser, make_job: MakeJob, operator: User, rq_hints: Any, phase: Phase, said: str
) -> None:
    at_work = {"lease": new_lease(), "lease_until": from_now(20)} if phase in {Phase.SUBMITTING, Phase.STORING} else {}
    job = make_job(make_user(), phase=phase, **at_work)

    with pytest.raises(Conflict, match=said):
        staff_actions.poll_now(job_id=job.pk, actor=operator)

    assert rq_hints() == {"submit": [], "media": []}


def every_intervention(job_id: uuid.UUID, actor: User | None) -> list[type[StudioError] | None]:
    """What each answers, in a fixed order."""
    calls: list[Callable[[], Any]] = [
        lambda: staff_actions.retry(job_id=job_id, charge=False, actor=actor),
        lambda: staff_actions.refund(job_id=job_id, reason="x", actor=actor),
        lambda: staff_actions.fail_and_refund(job_id=job_id, reason="x", actor=actor),
        lambda: staff_actions.poll_now(job_id=job_id, actor=actor),
    ]
    answers: list[type[StudioError] | None] = []
    for call in calls:
        try:
            call()
        except StudioError as exc:
            answers.append(type(exc))
        else:
            answers.append(None)
    return answers


def test_rights_decide(make_user: MakeUser, support: User, operator: User, make_staff: MakeStaff) -> None:
    job = failed(make_user())
    nobody = make_staff("view_videojob", "change_videojob", email="nobody@example.com")

    assert every_intervention(job.pk, nobody) == [NotAllowed] * 4
    assert every_intervention(job.pk, support) == [NotAllowed, None, NotAllowed, NotAllowed]
    assert every_intervention(job.pk, operator) == [None, Conflict, Conflict, Conflict]
    assert every_intervention(job.pk, None) == [staff_actions.MadeAgainBefore, Conflict, Conflict, Conflict]


def test_unknown_job_is_told(operator: User) -> None:
    assert every_intervention(uuid.uuid4(), operator) == [NotFound] * 4


def test_retry_that_was_deleted_is_not_repeated_at_once(make_user: MakeUser, operator: User) -> None:
    job = failed(make_user())
    deletion.delete(job_id=staff_actions.retry(job_id=job.pk, charge=True, actor=operator).pk)

    with pytest.raises(Conflict, match="deleted since"):
        staff_actions.retry(job_id=job.pk, charge=True, actor=operator)


def test_job_that_was_made_again_is_not_adopted(make_user: MakeUser, operator: User) -> None:
    job = failed(make_user(), code="submission_unknown")
    again = staff_actions.retry(job_id=job.pk, charge=True, actor=operator)
    outcomes.fail(job=again, code="content_filtered")
    deletion.delete(job_id=again.pk)

    with pytest.raises(Conflict, match="made again within the last day"):
        adopt_operation(job_id=job.pk, operation="mock?began=7&seconds=1&scenario=", actor=None)

    assert facts(job)[:3] == ("failed", None, "submission_unknown")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_retry_and_adoption_at_once_make_one_video(make_user: MakeUser) -> None:
    ann = make_user()

    def told(call: Callable[..., Any], **arguments: Any) -> str:
        try:
            call(**arguments)
        except Conflict as exc:
            return str(exc)
        return "done"

    for number in range(6):
        job = failed(ann, code="submission_unknown")
        answers = at_once(
            [
                partial(told, staff_actions.retry, job_id=job.pk, charge=False, actor=None),
                partial(
                    told,
                    adopt_operation,
                    job_id=job.pk,
                    operation=f"mock?began={number}&seconds=1&scenario=",
                    actor=None,
                ),
            ]
        )

        assert answers in (
            ["done", "This job was made again within the last day; its owner would get two videos."],
            ["Only a job that has failed can be made again.", "done"],
        )
        live = VideoJob.objects.live()
        assert live.count() == 1
        for row in live:
            outcomes.fail(job=row, code="content_filtered")


def test_every_action_is_kept_with_actor_reason_and_tokens(
    make_user: MakeUser, make_job: MakeJob, operator: User
) -> None:
    ann = make_user()
    done = paid(make_job(ann, phase=Phase.SUCCEEDED))
    live = paid(make_job(ann, phase=Phase.GENERATING))
    lost = failed(ann, code="submission_unknown")
    broken = failed(ann)

    staff_actions.refund(job_id=done.pk, reason="Wrong dress", actor=operator)
    staff_actions.poll_now(job_id=live.pk, actor=operator)
    staff_actions.fail_and_refund(job_id=live.pk, reason="Asked by phone", actor=None)
    again = staff_actions.retry(job_id=broken.pk, charge=True, actor=operator)
    adopt_operation(job_id=lost.pk, operation="mock?began=7&seconds=1&scenario=", actor=operator)
    deletion.delete_by_staff(job_id=again.pk, actor=operator)

    kept = [
        (entry.actor, entry.object_pk, {name: after for name, (_, after) in entry.changes.items()})
        for entry in LogEntry.objects.order_by("timestamp", "id")
    ]
    assert kept == [
        (operator, str(done.pk), {"action": "Give tokens back", "tokens": "50", "reason": "Wrong dress"}),
        (operator, str(live.pk), {"action": "Poll now"}),
        (None, str(live.pk), {"action": "Stop and refund", "tokens": "50", "reason": "Asked by phone"}),
        (operator, str(broken.pk), {"action": "Make again", "new_job": str(again.pk), "tokens": "50"}),
        (operator, str(lost.pk), {"action": "Adopt an operation", "operation": "mock?began=7&seconds=1&scenario="}),
        (operator, str(again.pk), {"action": "Delete", "owner": "ann@example.com", "tokens_returned": "50"}),
    ]


def test_second_click_is_not_kept(make_user: MakeUser, operator: User) -> None:
    job = failed(make_user())
    staff_actions.retry(job_id=job.pk, charge=True, actor=operator)

    with pytest.raises(staff_actions.MadeAgainBefore):
        staff_actions.retry(job_id=job.pk, charge=True, actor=operator)

    assert LogEntry.objects.count() == 1
