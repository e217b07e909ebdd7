"""What `manage.py purge` removes besides jobs: ended tasks, sessions, links, keys, messages and events."""

import uuid
from datetime import timedelta
from uuid import uuid4

import pytest
from auditlog.models import LogEntry as AuditEntry
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import AccountTask, ApiKey, SignIn
from accounts.models import Session as ApiSession
from accounts.sign_in import api_keys
from looks import links
from looks.models import Look, LookKey, LookLink
from operations import retention
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from tests.operations.purge.conftest import age, run
from videos.models import Event, EventsExpired, JobInput, SpentKey, WebhookDelivery, events
from videos.phases import Phase
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db


def test_ended_account_tasks_go_after_a_month_and_the_content_of_exports_after_a_day() -> None:
    made = {}
    for name, days, fields in (
        ("old", 31, {"finished_at": timezone.now() - timedelta(days=31), "content": b"zip"}),
        ("given up", 31, {"failed_at": timezone.now() - timedelta(days=31)}),
        ("unfinished", 31, {}),
        ("export", 2, {"finished_at": timezone.now() - timedelta(days=2), "content": b"zip"}),
        ("new export", 0, {"finished_at": timezone.now(), "content": b"zip"}),
    ):
        made[name] = AccountTask.objects.create(kind="export", due_at=Now(), **fields)
        age(made[name], days, "created_at")

    found = run("--yes")

    rows = {row.pk: bytes(row.content or b"") for row in AccountTask.objects.all()}
    assert (found["task"], found["export"]) == (2, 2)
    assert {name: rows.get(task.pk) for name, task in made.items()} == {
        "old": None,
        "given up": None,
        "unfinished": b"",
        "export": b"",
        "new export": b"zip",
    }


def test_old_records_are_removed(make_user: MakeUser, make_job: MakeJob) -> None:
    ann = make_user()
    AuditEntry.objects.all().delete()
    job = make_job(ann, phase=Phase.FAILED, input_count=1)
    age(job, 40, "created_at", "completed_at")
    JobInput.objects.create(job=job, role="first_frame", file_name="inputs/1.png")
    for days in (1, 1000):
        age(SignIn.objects.create(user=ann, channel="api", succeeded=True), days, "created_at")
        entry = AuditEntry.objects.create(
            content_type_id=1, object_pk=str(ann.pk), object_repr="x", action=AuditEntry.Action.UPDATE
        )
        age(entry, days, "timestamp")
        used = {"owner": ann, "key": f"k{days}", "used_at": timezone.now() - timedelta(days=days - 0.5)}
        SpentKey.objects.create(**used)
        LookKey.objects.create(**used, look_id=uuid4())
        Session.objects.create(session_key=f"s{days}", expire_date=timezone.now() + timedelta(days=500 - days))
        RefreshToken.for_user(ann)
        expires_at = timezone.now() + timedelta(days=500 - days)
        ApiSession.objects.create(user=ann, refresh_id=uuid4(), refreshed_at=timezone.now(), expires_at=expires_at)
    OutstandingToken.objects.filter(pk=OutstandingToken.objects.order_by("pk").first().pk).update(  # type: ignore[union-attr]
        expires_at=timezone.now() - timedelta(days=1)
    )

    counted = run("--mock-days", "0")
    removed = run("--yes", "--mock-days", "0")

    removable = {"sign-in": 1, "audit": 1, "input": 1, "key": 2, "expired": 3}
    assert counted == removed == {"log": 0, "reply": 0, "webhook": 0, "event": 0, "export": 0, "task": 0} | removable
    tables = (SignIn, AuditEntry, SpentKey, LookKey, Session, ApiSession, OutstandingToken, JobInput)
    assert [model.objects.count() for model in tables] == [1, 1, 1, 1, 1, 1, 1, 0]


def test_links_of_looks_that_ended_long_ago_are_removed(make_user: MakeUser) -> None:
    look = Look.objects.create(owner=make_user(), title="A look")
    kept = []
    for column, days, is_kept in (("revoked_at", 181, False), ("expires_at", 181, False), ("revoked_at", 1, True)):
        link = links.create(look_id=look.pk, user=look.owner)
        age(link, 400, "created_at")
        age(link, days, column)
        kept += [link.pk] if is_kept else []
    kept.append(links.create(look_id=look.pk, user=look.owner).pk)

    removed = run("--yes")

    assert removed["sign-in"] == 2
    assert set(LookLink.objects.values_list("pk", flat=True)) == set(kept)


def test_api_keys_that_ended_long_ago_are_removed(make_user: MakeUser) -> None:
    ann = make_user()
    for name, ends in {
        "revoked": {"revoked_at": 181},
        "expired": {"expires_at": 181},
        "lately": {"revoked_at": 1},
    }.items():
        key, _ = api_keys.create(user=ann, name=name, scopes=["looks:read"])
        age(key, 400, "created_at")
        for column, days in ends.items():
            age(key, days, column)
    api_keys.create(user=ann, name="usable", scopes=["looks:read"])

    removed = run("--yes")

    assert removed["sign-in"] == 2
    assert set(ApiKey.objects.values_list("name", flat=True)) == {"lately", "usable"}


def test_ended_messages_to_webhooks_are_kept_for_a_week(make_user: MakeUser) -> None:
    endpoint = endpoints.create(
        owner=make_user(), url="https://hooks.example.com/", kinds=[], origin="http://testserver"
    )
    for number, (state, days) in enumerate((("delivered", 8), ("failed", 8), ("delivered", 6), ("pending", 8))):
        due_at = timezone.now() if state == "pending" else None
        row = WebhookDelivery.objects.create(
            endpoint=endpoint, number=number, kind="job.updated", body="{}", state=state, due_at=due_at
        )
        age(row, days, "created_at")

    assert (run()["webhook"], run("--yes")["webhook"], run("--webhook-days", "5")["webhook"]) == (2, 2, 1)
    assert set(WebhookDelivery.objects.values_list("number", flat=True)) == {2, 3}


def test_events_are_kept_for_a_day(make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    ann = make_user()
    events.record(Event.Kind.UPDATED, [(ann.pk, uuid.uuid4()) for _ in range(5)])
    Event.objects.filter(number__lte=3).update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    Event.objects.filter(number=4).update(created_at=timezone.now() - timedelta(hours=23))

    assert (run()["event"], run("--yes")["event"], run()["event"]) == (3, 3, 0)
    assert [event.number for event in events.read(owner_id=ann.pk, after=3, limit=100)] == [4, 5]
    with pytest.raises(EventsExpired):
        events.read(owner_id=ann.pk, after=2, limit=100)
