"""The deletion of an account: crashes, late requests, repetition, refusals, and its command."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.db.models.functions import Now
from django.utils import timezone

from accounts import tasks
from accounts.access import AccountDeleted, reactivate
from accounts.models import AccountTask, User
from accounts.own_account import deletion
from accounts.registration import create_user
from accounts.roles import LastAdmin
from looks import use_cases
from looks.models import Look, LookEmailShare
from operations.account_data import deletion as removal
from tests.conftest import PASSWORD
from tests.fixtures.looks import MakeLook
from tests.fixtures.video_jobs import MakeJob
from tests.operations.account_data.deletion.conftest import EMAIL, TEXTS, places_of, run_tasks
from videos.models import VideoJob

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


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
    AccountTask.objects.filter(pk=second.pk).update(due_at=Now())
    run_tasks()

    assert places_of(*TEXTS) == set()
    assert not AccountTask.objects.filter(finished_at=None).exists()


def test_new_account_of_the_address_keeps_what_it_gets(ann: User, make_look: MakeLook) -> None:
    deletion.delete(user=ann)
    run_tasks()
    again = create_user(email=EMAIL, password=PASSWORD)
    LookEmailShare.objects.create(look=Look.objects.get(title="Bea's"), email=EMAIL)
    AccountTask.objects.filter(finished_at=None).update(due_at=Now())
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
