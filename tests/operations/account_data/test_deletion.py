"""What a deleted account leaves behind: the ledger and what providers were paid, and nothing about the person."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry as AuditEntry
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry as AdminEntry
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework.test import APIClient

from accounts import ledger, tasks
from accounts.access import AccountDeleted, reactivate
from accounts.models import AccountTask, ApiKey, LedgerEntry, Session, SignIn, User
from accounts.own_account import deletion
from accounts.registration import create_user
from accounts.roles import LastAdmin
from accounts.sign_in import lockout
from looks import use_cases
from looks.models import Look, LookEmailShare, LookShare
from operations import account_tasks
from operations.account_data import deletion as removal
from operations.reconciliation.comparison import reconcile
from studio.media.storage import disposal
from tests.conftest import PASSWORD, MakeUser
from tests.fixtures.looks import MakeLook, png, stored_files
from tests.fixtures.video_jobs import MakeJob
from videos import deletion as job_deletion
from videos.models import JobInput, SpentKey, VideoJob, WebhookDelivery
from videos.phases import Phase
from videos.webhooks import endpoints

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

EMAIL, NAME = "ann.marker@example.com", "Ann Markerova"
TEXTS = (EMAIL, NAME, "google-marker", "prompt-marker", "look-marker", "product-marker", "key-marker", "client-marker")
TEXTS += ("hook-marker",)


@pytest.fixture
def staff(make_user: MakeUser) -> User:
    return make_user("boss@example.com", staff=True)


@pytest.fixture
def ann(make_user: MakeUser, staff: User, make_job: MakeJob, make_look: MakeLook, media: Path) -> User:
    """A user with rows in every table that can have some, and with files."""
    user = make_user(EMAIL)
    User.objects.filter(pk=user.pk).update(name=NAME, google_id="google-marker", email_verified_at=timezone.now())
    user.refresh_from_db()
    client = APIClient(HTTP_USER_AGENT="client-marker")
    client.post("/api/v1/auth/token", {"email": EMAIL, "password": PASSWORD}, format="json")
    looks = [_look(make_look, user), _look(make_look, user)]
    for phase in Phase:
        job = make_job(user, phase=phase, prompt=f"prompt-marker {phase}", idempotency_key=f"key-marker-{phase}")
        if phase not in {Phase.QUEUED, Phase.SUBMITTING, Phase.GENERATING}:
            looks[0].look_videos.create(video=job)
        _with_files(job)
        if phase == Phase.QUEUED:  # an account has three live jobs at most
            job_deletion.delete(job_id=job.pk)
    make_job(user, phase=Phase.FAILED, prompt="prompt-marker")
    _sharing(user, make_look, make_user)
    _sign_in_data(user)
    _staff_actions(user, staff, make_job, looks)
    client.post("/api/v1/auth/token", {"email": EMAIL, "password": "wrong"}, format="json")
    return user


def _look(make_look: MakeLook, user: User) -> Look:
    products = [{"name": "product-marker", "sku": "1"}]
    return make_look(user, title="look-marker", notes="look-marker", products=products, image=png())


def _with_files(job: VideoJob) -> None:
    if job.phase == Phase.SUCCEEDED:
        default_storage.save(str(job.video.name), ContentFile(b"video"))
    name = default_storage.save(f"inputs/{job.pk}/first_frame-0.png", ContentFile(png()))
    JobInput.objects.create(job=job, role="first_frame", file_name=name, content_type="image/png")
    job.log("line")


def _sharing(user: User, make_look: MakeLook, make_user: MakeUser) -> None:
    bea = make_user("bea@example.com")
    theirs = make_look(bea, title="Bea's", readers=(user,))
    LookEmailShare.objects.create(look=theirs, email=EMAIL)
    make_look(user, title="look-marker", readers=(bea,), image=None)


def _sign_in_data(user: User) -> None:
    ApiKey.objects.create(user=user, name="key-marker", prefix="ais_1", digest="0" * 64, scopes=["videos:read"])
    TOTPDevice.objects.create(user=user, name=NAME)
    StaticDevice.objects.create(user=user, name=NAME)
    hook = endpoints.create(
        owner=user, url="https://hooks.example.com/hook-marker", kinds=["job.updated"], origin="http://testserver"
    )
    WebhookDelivery.objects.create(endpoint=hook, kind="webhook.test", body="hook-marker", due_at=timezone.now())
    tasks.add(AccountTask.Kind.VERIFY_EMAIL, email=EMAIL)
    export = tasks.add(AccountTask.Kind.EXPORT, user=user)
    AccountTask.objects.filter(pk=export.pk).update(content=EMAIL.encode(), finished_at=timezone.now())


def _staff_actions(user: User, staff: User, make_job: MakeJob, looks: list[Look]) -> None:
    """Entries in both logs: of edits, deletions, tokens, and an address in another row."""
    office = Client()
    office.force_login(staff)
    change = f"/admin/looks/look/{looks[0].pk}/change/"
    office.post(change, {"title": "look-marker 2", "notes": "look-marker", "visibility": "private", **_no_inlines()})
    office.post(f"/admin/looks/look/{looks[1].pk}/delete/", {"post": "yes"})
    office.post(f"/admin/accounts/user/{user.pk}/sign-out/", {"confirmed": "yes"})
    job = make_job(user, phase=Phase.SUCCEEDED, prompt="prompt-marker deleted", video="videos/none.mp4")
    job_deletion.delete_by_staff(job_id=job.pk, actor=staff)
    ledger.grant(user=user, tokens=5, note="invoice 7", actor=staff)
    attempt = AccessAttempt.objects.create(username=EMAIL, ip_address="192.0.2.1", failures_since_start=3)
    lockout.unblock(attempts=[attempt], actor=staff)


def _no_inlines() -> dict[str, str]:
    prefixes = ("look_videos", "products", "shares", "email_shares", "links")
    return {f"{prefix}-{name}_FORMS": "0" for prefix in prefixes for name in ("TOTAL", "INITIAL")}


def everything() -> Iterator[tuple[str, str]]:
    """Every value of every table of the database as text, with its table and column."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    is_binary = isinstance(value, memoryview | bytes)
                    yield f"{table}.{column}", bytes(value).decode(errors="replace") if is_binary else str(value)


def places_of(*texts: str) -> set[tuple[str, str]]:
    """Where the texts are stored, ignoring case."""
    found = [(place, value.lower()) for place, value in everything()]
    return {(place, text) for place, value in found for text in texts if text.lower() in value}


def run_tasks() -> None:
    account_tasks.run_others(threading.Event())


def remove_files() -> None:
    while disposal.sweep():
        pass


def test_fixture_has_the_texts_in_every_place(ann: User) -> None:
    """Otherwise the next test would prove nothing."""
    places = {place for place, _ in places_of(*TEXTS)}

    assert places >= {
        "accounts_user.email",
        "accounts_user.name",
        "accounts_user.google_id",
        "accounts_accounttask.email",
        "accounts_accounttask.content",
        "accounts_apikey.name",
        "accounts_session.client",
        "accounts_signin.client",
        "django_admin_log.object_repr",
        "auditlog_logentry.changes",
        "auditlog_logentry.object_repr",
        "axes_accessattempt.username",
        "looks_look.title",
        "looks_look.search_text",
        "looks_lookemailshare.email",
        "looks_product.name",
        "otp_static_staticdevice.name",
        "otp_totp_totpdevice.name",
        "videos_spentkey.key",
        "videos_videojob.idempotency_key",
        "videos_videojob.prompt",
        "videos_webhookdelivery.body",
        "videos_webhookendpoint.url",
    }


def test_nothing_of_the_person_remains(ann: User, media: Path) -> None:
    deletion.delete(user=ann)
    run_tasks()
    remove_files()

    assert places_of(*TEXTS) == set()
    assert [name for name in stored_files(media) if not name.startswith("looks/")] == []
    assert not Look.objects.filter(owner=ann).exists()
    assert not VideoJob.objects.filter(owner=ann).exists()
    rows = {model: model.objects.filter(user=ann).count() for model in (SignIn, Session, ApiKey, LookShare, TOTPDevice)}
    assert set(rows.values()) == {0}
    assert not SpentKey.objects.filter(owner=ann).exists()


def test_files_of_others_stay(ann: User, media: Path) -> None:
    theirs = Look.objects.get(title="Bea's")

    deletion.delete(user=ann)
    run_tasks()
    remove_files()

    kept = {str(theirs.image.name), str(theirs.thumbnail.name)}
    assert set(stored_files(media)) == kept


def test_ledger_and_balance_stay_and_agree(ann: User) -> None:
    before = list(LedgerEntry.objects.filter(account__user=ann).order_by("pk").values_list("pk", "amount", "kind"))

    deletion.delete(user=ann)
    run_tasks()

    after = list(LedgerEntry.objects.filter(account__user=ann).order_by("pk").values_list("pk", "amount", "kind"))
    assert [entry for entry in after if entry in before] == before
    ann.token_account.refresh_from_db()
    assert ann.token_account.balance == sum(amount for _, amount, _ in after)
    assert ann.token_account.video_job_count == 0
    assert [found for found in reconcile(fix=False) if found.kind != "stray file"] == []


def test_who_did_what_stays_in_the_audit_log(ann: User, staff: User) -> None:
    before = list(AuditEntry.objects.order_by("pk").values_list("pk", "actor_email", "action"))

    deletion.delete_by_staff(user=ann, actor=staff)
    run_tasks()

    after = list(AuditEntry.objects.order_by("pk").values_list("pk", "actor_email", "action"))
    assert after[: len(before)] == before
    titles = set(AuditEntry.objects.filter(object_pk=str(ann.pk)).values_list("object_repr", flat=True))
    assert titles == {f"deleted account {ann.short_id}"}
    last = AuditEntry.objects.order_by("pk").last()
    assert (last.changes, last.actor_email) == ({"action": ["", "Delete the account"]}, "boss@example.com")
    assert AdminEntry.objects.filter(object_id=str(ann.pk)).exists()


def test_deleted_member_of_staff_stays_the_actor_without_address(make_user: MakeUser, staff: User, ann: User) -> None:
    make_user("second@example.com", staff=True)

    deletion.delete(user=staff)
    run_tasks()

    assert places_of("boss@example.com") == set()
    assert AuditEntry.objects.filter(actor=staff).exists()


@pytest.mark.parametrize("crash_at", range(1, 7))
def test_a_crash_at_any_step_is_continued(ann: User, crash_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    deletion.delete(user=ann)
    renew, calls = tasks.renew, iter(range(1, 1000))

    def crash(task: AccountTask) -> None:
        if next(calls) == crash_at:
            raise OSError("killed")
        renew(task)

    monkeypatch.setattr(removal, "BATCH", 2)
    monkeypatch.setattr(tasks, "renew", crash)
    run_tasks()
    AccountTask.objects.filter(finished_at=None, attempts__gt=0).update(due_at=Now())
    run_tasks()

    assert next(calls) > crash_at
    assert places_of(*TEXTS) == set()


def test_second_pass_removes_what_a_late_request_created(ann: User, make_job: MakeJob) -> None:
    deletion.delete(user=ann)
    run_tasks()
    make_job(ann, prompt="prompt-marker late")
    use_cases.create_look(owner=ann, title="look-marker late")
    second = AccountTask.objects.get(user=ann, finished_at=None)
    assert timedelta(minutes=59) < second.due_at - timezone.now() <= timedelta(hours=1)

    User.objects.filter(pk=ann.pk).update(deleted_at=timezone.now() - timedelta(hours=1, minutes=1))
    AccountTask.objects.filter(pk=second.pk).update(due_at=timezone.now())
    run_tasks()

    assert places_of(*TEXTS) == set()
    assert not AccountTask.objects.filter(finished_at=None).exists()


def test_new_account_of_the_address_keeps_what_it_gets(ann: User, make_look: MakeLook) -> None:
    deletion.delete(user=ann)
    run_tasks()
    again = create_user(email=EMAIL, password=PASSWORD)
    LookEmailShare.objects.create(look=Look.objects.get(title="Bea's"), email=EMAIL)
    AccountTask.objects.filter(finished_at=None).update(due_at=timezone.now())
    run_tasks()

    again.refresh_from_db()
    assert again.email == EMAIL
    assert LookEmailShare.objects.filter(email=EMAIL).count() == 1


def test_repeated_deletion_changes_nothing(ann: User) -> None:
    deletion.delete(user=ann)
    deleted_at = User.objects.get(pk=ann.pk).deleted_at

    deletion.delete(user=ann)

    assert User.objects.get(pk=ann.pk).deleted_at == deleted_at
    assert AccountTask.objects.filter(kind="deletion").count() == 1


def test_last_admin_cannot_be_deleted(staff: User) -> None:
    with pytest.raises(LastAdmin):
        deletion.delete_by_staff(user=staff, actor=None)

    staff.refresh_from_db()
    assert (staff.is_active, staff.deleted_at) == (True, None)
    assert not AccountTask.objects.exists()


def test_deleted_account_cannot_be_reactivated(ann: User) -> None:
    deletion.delete(user=ann)

    with pytest.raises(AccountDeleted):
        reactivate(user=ann)


@pytest.mark.parametrize("change", [{"is_active": True}, {"is_superuser": True}, {"google_id": "1"}])
def test_database_refuses_a_deleted_account_that_can_sign_in(ann: User, change: dict[str, Any]) -> None:
    deletion.delete(user=ann)

    with pytest.raises(IntegrityError, match=r"deleted_user_cannot_sign_in|constraint"):
        User.objects.filter(pk=ann.pk).update(**change)


def test_task_of_an_existing_account_deletes_nothing(ann: User) -> None:
    tasks.add(AccountTask.Kind.DELETION, user=ann)

    run_tasks()

    assert VideoJob.objects.filter(owner=ann).exists()


def test_command_says_what_it_would_delete_and_deletes_with_yes(ann: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("delete_account", EMAIL.upper())
    ann.refresh_from_db()
    assert ann.deleted_at is None
    assert "Nothing was deleted; add --yes." in capsys.readouterr().out

    call_command("delete_account", EMAIL, "--yes")
    run_tasks()
    call_command("delete_account", str(ann.pk), "--yes")

    assert places_of(*TEXTS) == set()
    assert AccountTask.objects.filter(finished_at=None).count() == 2  # the second pass, and the repetition
