"""All processes behind PgBouncer in transaction mode, with fewer connections than threads: jobs, commands, pages."""

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests import pgbouncer
from tests.chaos.database import Pooled
from tests.chaos.fleet import Fleet
from tests.chaos.invariants import examine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.product,
    pytest.mark.timeout(300),
    pytest.mark.skipif(pgbouncer.BINARY is None, reason="no PgBouncer on this machine"),
]
COMMANDS = ("reconcile", "stats", "purge", "migrate --noinput", "migrate accounts zero --plan", "doctor")
MANY = 4500  # entries of the ledger: more than two batches of the export
# A session of the back office, like one from a sign-in.
SIGN_IN = """
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from accounts import ledger
from accounts.models import LedgerEntry
from accounts.registration import create_user
boss = create_user(email="boss@example.com", password="a-long-enough-passphrase", tokens=0, staff=True)
type(boss).objects.filter(pk=boss.pk).update(is_superuser=True)
account = boss.token_account
grants = [LedgerEntry(account=account, kind="grant", amount=1, balance_after=n + 1) for n in range(MANY)]
LedgerEntry.objects.bulk_create(grants, batch_size=1000)
type(account).objects.filter(pk=account.pk).update(balance=MANY)
session = SessionStore()
session["_auth_user_id"], session["_auth_user_hash"] = str(boss.pk), boss.get_session_auth_hash()
session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[1]
session.save()
print("key:" + session.session_key)
"""


def back_office(fleet: Fleet) -> httpx.Client:
    status, output = fleet.processes.run(argv=["manage.py", "shell", "--no-imports", "-c", f"MANY = {MANY}\n{SIGN_IN}"])
    assert status == 0, output
    key = output.rpartition("key:")[2].strip()
    return httpx.Client(base_url=fleet.url, cookies={"sessionid": key}, timeout=60)


@pytest.mark.parametrize("prepared", ["as it comes", "0"])
def test_jobs_commands_and_pages_work_behind_pgbouncer(prepared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if prepared == "0":
        if pgbouncer.version() < (1, 21):
            pytest.skip("PgBouncer before 1.21 has no max_prepared_statements: it behaves as with 0")
        monkeypatch.setattr(Pooled, "settings", {"max_prepared_statements": "0"})
    with Fleet(kind="pooled") as fleet:
        for role in ("submit", "media", "sweeper"):
            fleet.processes.start(f"{role}2", kind=role)
        jobs = [*fleet.create(count=8), *fleet.create(count=2, with_picture=True)]
        outcome = examine(fleet, jobs, scenario="behind PgBouncer")
        with back_office(fleet) as client:
            pages = [client.get(path) for path in ("/admin/", "/admin/videos/videojob/")]
            export = client.get("/admin/accounts/ledgerentry/export.csv")
        runs = {command: fleet.processes.run(argv=["manage.py", *command.split()]) for command in COMMANDS}
        shown = jobs[0].customer.client.get(f"/api/v1/video-jobs/{jobs[0].id}").json()
        rows = fleet.database.rows("SELECT count(*) AS entries FROM accounts_ledgerentry")

    assert outcome.is_good, outcome
    assert [page.status_code for page in pages] == [200, 200]
    lines = list(csv.reader(io.StringIO(export.text)))
    assert (len(lines), len({line[-1] for line in lines})) == (rows[0]["entries"] + 1, rows[0]["entries"] + 1)
    assert {command: status for command, (status, _) in runs.items()} == dict.fromkeys(COMMANDS, 0), runs
    age = datetime.now(UTC) - datetime.fromisoformat(shown["createdAt"])
    assert timedelta() < age < timedelta(minutes=10)
