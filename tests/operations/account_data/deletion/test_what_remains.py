"""What a deleted account leaves behind: the ledger and what providers were paid, and nothing about the person."""

from pathlib import Path

import pytest
from auditlog.models import LogEntry as AuditEntry
from django.contrib.admin.models import LogEntry as AdminEntry
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import ApiKey, LedgerEntry, Session, SignIn, User
from accounts.own_account import deletion
from looks.models import Look, LookKey, LookShare
from operations.reconciliation.comparison import reconcile
from tests.conftest import MakeUser
from tests.fixtures.looks import stored_files
from tests.operations.account_data.deletion.conftest import TEXTS, places_of, remove_files, run_tasks
from videos.models import SpentKey, VideoJob

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


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
        "looks_lookkey.key",
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
    assert not LookKey.objects.filter(owner=ann).exists()


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
