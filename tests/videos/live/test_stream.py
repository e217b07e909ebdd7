"""The stream of events: what it sends, where it continues, and what it leaves out."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from looks.models import LookVideo
from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import ORDER, MakeJob
from tests.videos.api.test_videos_of_looks import make_look
from tests.videos.live.conftest import Live
from videos import creation, deletion
from videos.engine import cancellation
from videos.live import streams
from videos.models import Event, VideoJob
from videos.models.events import record
from videos.phases import Phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
URL = "/api/v1/video-jobs/events"
UPDATED = Event.Kind.UPDATED


def change(*jobs: VideoJob) -> None:
    """Record an update of each job, one event after the other."""
    for job in jobs:
        with transaction.atomic():
            record(UPDATED, [(job.owner_id, job.pk)])


def test_each_change_of_a_job_comes_as_the_list_shows_it(live: Live, make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user()
    web = sign_in(ann)
    stream = live.stream(user=ann)

    created = web.post("/api/v1/video-jobs", {"mockMode": True, "prompt": "A red dress"}, format="json").json()
    first = stream.event()
    cancellation.cancel(job_id=uuid.UUID(created["id"]), actor=ann)
    shown = web.get("/api/v1/video-jobs").json()["items"][0]
    changes = [stream.event()]
    while changes[-1].data["tokensRefunded"] != 50:  # the failure, then the refund
        changes.append(stream.event())
    deletion.delete(job_id=uuid.UUID(created["id"]))
    last = stream.event()

    assert (first.id, first.kind, first.data["id"], first.data["status"]) == (
        1,
        "job.created",
        created["id"],
        "PENDING",
    )
    assert changes[-1] == (changes[-1].id, "job.updated", shown)
    while last.kind == "job.updated":  # a failure records two changes, which may be read together
        last = stream.event()
    assert last == (Event.objects.count(), "job.deleted", {"id": created["id"]})


def test_stream_starts_with_the_next_event(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())
    change(job, job)
    stream = live.stream(user=job.owner)

    change(job)

    assert stream.events(1) == [(3, "job.updated")]


def test_client_that_was_cut_off_before_the_first_event_misses_none(
    live: Live, make_user: MakeUser, make_job: MakeJob
) -> None:
    job = make_job(make_user())
    change(job)
    stream = live.stream(user=job.owner)
    stream.close()

    change(job)

    assert live.stream(user=job.owner, Last_Event_ID=str(stream.last_id)).events(1) == [(2, "job.updated")]


@pytest.mark.parametrize("by", ["header", "parameter"])
def test_client_that_comes_back_gets_what_it_missed(
    live: Live, make_user: MakeUser, make_job: MakeJob, by: str
) -> None:
    job = make_job(make_user())
    change(*[job] * 5)
    where: dict[str, Any] = (
        {"Last_Event_ID": "2", "path": f"{URL}?after=4"} if by == "header" else {"path": f"{URL}?after=2"}
    )

    assert live.stream(user=job.owner, **where).events(3) == [(number, "job.updated") for number in (3, 4, 5)]


def test_hundreds_of_missed_events_come_in_order(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())
    change(*[job] * 250)

    found = live.stream(f"{URL}?after=0", user=job.owner).events(250)

    assert [number for number, _ in found] == list(range(1, 251))


@pytest.mark.parametrize("after", [1, 99], ids=["not kept any more", "never given out"])
def test_client_that_cannot_catch_up_is_told_to_list_again(
    live: Live, make_user: MakeUser, make_job: MakeJob, after: int
) -> None:
    job = make_job(make_user())
    change(*[job] * 4)
    Event.objects.filter(number__lte=3).delete()
    stream = live.stream(f"{URL}?after={after}", user=job.owner)

    reset = stream.event()
    change(job)

    assert reset == (4, "reset", {})
    assert stream.events(1) == [(5, "job.updated")]


def test_user_without_events_is_not_reset(live: Live, make_user: MakeUser) -> None:
    ann = make_user()
    stream = live.stream(f"{URL}?after=0", user=ann)

    job = creation.create(owner=ann, job_request=ORDER)

    assert stream.event()[:2] == (1, "job.created")
    assert VideoJob.objects.get().pk == job.pk


def test_jobs_of_others_do_not_appear(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    ann, bob = make_job(make_user()), make_job(make_user("bob@example.com"))
    stream = live.stream(user=ann.owner)

    change(bob, bob, ann)

    assert stream.event().data["id"] == str(ann.pk)


def test_admin_has_no_events_of_others(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    admin, job = make_user("admin@example.com", staff=True), make_job(make_user())
    own = make_job(admin)
    stream = live.stream(user=admin)

    change(job, own)

    assert stream.event().data["id"] == str(own.pk)


def linked(owner: User, job: VideoJob) -> Any:
    look = make_look(owner)
    LookVideo.objects.create(look=look, video=job)
    return look


def test_filters(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    jobs = [make_job(ann, phase=Phase.SUCCEEDED) for _ in range(3)]
    look = linked(ann, jobs[1])
    of_job = live.stream(f"{URL}?jobId={jobs[0].pk}", user=ann)
    of_look = live.stream(f"{URL}?lookId={look.pk}", user=ann)

    change(jobs[2], jobs[1], jobs[0])
    deletion.delete(job_id=jobs[2].pk)

    assert [(number, event.data["id"]) for number, event in [_numbered(of_job)]] == [(3, str(jobs[0].pk))]
    assert [_numbered(of_look)[1].data["id"] for _ in range(2)] == [str(jobs[1].pk), str(jobs[2].pk)]


def _numbered(stream: Any) -> tuple[int | None, Any]:
    event = stream.event()
    return event.id, event


def test_position_moves_past_events_that_a_filter_leaves_out(
    live: Live, make_user: MakeUser, make_job: MakeJob
) -> None:
    job = make_job(make_user())
    stream = live.stream(f"{URL}?jobId={uuid.uuid4()}", user=job.owner)

    change(job, job)

    while stream.block().id != 2:
        pass


def test_silent_stream_has_pings(live: Live, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.05)
    stream = live.stream(user=make_user())

    assert [stream.block() for _ in range(3)] == [(0, "ping", {})] * 3


def test_stream_whose_filter_leaves_out_every_change_has_pings(
    live: Live, make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 1.0)
    job = make_job(make_user())
    stream = live.stream(f"{URL}?jobId={uuid.uuid4()}", user=job.owner)

    change(job)
    while stream.block().kind != "ping":  # else a position
        change(job)


def test_job_that_is_deleted_before_its_event_is_read_has_only_its_deletion(
    live: Live, make_user: MakeUser, make_job: MakeJob
) -> None:
    job = make_job(make_user(), phase=Phase.SUCCEEDED)
    change(job, job)
    deletion.delete(job_id=job.pk)

    assert live.stream(f"{URL}?after=0", user=job.owner).events(1) == [(3, "job.deleted")]


def test_all_streams_of_a_user_get_each_event(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user())
    streams = [live.stream(user=job.owner) for _ in range(3)]

    change(job)

    assert [stream.events(1) for stream in streams] == [[(1, "job.updated")]] * 3


def test_expired_tickets_and_events_are_purged_daily_without_harm(
    live: Live, make_user: MakeUser, make_job: MakeJob
) -> None:
    job = make_job(make_user())
    stream = live.stream(user=job.owner)
    change(job)
    assert stream.events(1) == [(1, "job.updated")]
    Event.objects.update(created_at=timezone.now() - timedelta(days=2))
    Event.objects.all().delete()

    change(job)

    assert stream.events(1) == [(2, "job.updated")]
