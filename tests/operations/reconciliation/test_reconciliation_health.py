"""What `doctor` and `/readyz` say about the reconciliation."""

import io
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from accounts.models import TokenAccount, User
from operations.reconciliation import daily
from operations.reconciliation.daily import resume_run
from operations.reconciliation.runs import last_reconciliation, record_complete
from studio.models import TaskState
from studio.observability.health import Depth, Health, run_checks
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(make_user: MakeUser) -> User:
    return make_user()


def check_stopped() -> None:
    """Nothing stops it."""


def due_now() -> None:
    TaskState.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def finding() -> tuple[Health, str]:
    found = run_checks(depth=Depth.QUICK)["reconciliation"]
    return found.health, found.sentence


def test_health_check_reports_mismatches_of_money(owner: User) -> None:
    before = finding()
    resume_run(check_stopped=check_stopped)
    agreed = finding()
    due_now()
    TokenAccount.objects.update(balance=7)
    resume_run(check_stopped=check_stopped)
    account = TokenAccount.objects.get()

    assert before == (Health.OK, "It has not begun yet; the sweeper runs it.")
    assert (agreed[0], agreed[1][:35]) == (Health.OK, "All money that was compared agrees.")
    assert finding() == (
        Health.DEGRADED,
        "1 mismatches of balances, charges or refunds; see manage.py reconcile. "
        f"The first: Account {account.pk} has 7 tokens, its entries sum to 1000.",
    )


def test_health_check_misses_a_run_after_two_days(owner: User) -> None:
    resume_run(check_stopped=check_stopped)
    row = TaskState.objects.get()
    row.state["last"]["finished_at"] = (timezone.now() - timedelta(days=2, minutes=1)).isoformat()
    row.save(update_fields=["state"])

    assert finding() == (Health.DEGRADED, "It has not finished for two days; see the sweeper's log.")


def test_command_keeps_findings_of_a_waiting_run(owner: User) -> None:
    TokenAccount.objects.update(balance=7)
    resume_run(check_stopped=check_stopped)
    row = TaskState.objects.get()
    last = row.state.pop("last")
    steps = {"begun": ["accounts", "jobs"], "done": ["accounts", "jobs"], "is_money_over": True, "stray_parts": 0}
    row.state["current"] = last | steps  # as after a storage that failed: it waits
    row.save(update_fields=["state"])

    with pytest.raises(SystemExit):
        call_command("reconcile", stdout=io.StringIO(), stderr=io.StringIO())

    row.refresh_from_db()
    assert (finding()[0], finding()[1][:13]) == (Health.DEGRADED, "1 mismatches ")
    assert (row.state["current"], row.state["last"]["found"]["balance"]) == (None, 1)
    assert row.due_at == datetime.fromisoformat(last["began_at"]) + timedelta(days=1)


def test_lost_file_stays_known_until_all_files_were_checked(
    owner: User, make_job: MakeJob, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "PAGE", 1)
    settings.RECONCILE_FILES_MINUTES = 0  # one page a day
    two_days_ago = timezone.now() - timedelta(days=2)
    jobs = [make_job(owner, phase=Phase.SUCCEEDED, completed_at=two_days_ago) for _ in range(3)]
    others = sorted(jobs, key=lambda job: job.pk)[1:]
    for job in others:
        default_storage.save(str(job.video.name), ContentFile(b"x"))

    found = []
    for _ in range(2):
        due_now()
        resume_run(check_stopped=check_stopped)
        found.append(last_reconciliation().found["lost file"])
    record_complete(Counter(storage=1), [])  # one that could not ask for all
    found.append(last_reconciliation().found["lost file"])
    record_complete(Counter(), [])
    found.append(last_reconciliation().found["lost file"])

    assert found == [1, 1, 1, 0]
