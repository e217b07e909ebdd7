"""Faults of vendors and of rows: each is caused in a running fleet, and removed again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.alerts.outages import without
from tests.chaos import catalogue
from tests.chaos.fleet import Fleet
from tests.chaos.processes import wait_until
from tests.fakes.google_account import NO_FAULT
from tests.fakes.google_account import Fault as GoogleFault

_DUE = "UPDATE studio_taskstate SET due_at = now()"  # of the reconciliation
FIRST_SECONDS = 60  # until a job reaches a phase


def _is_in(fleet: Fleet, phase: str) -> Callable[[], bool]:
    return lambda: bool(fleet.database.rows(f"SELECT id FROM videos_videojob WHERE phase = '{phase}'"))


@contextmanager
def google_fails(
    fleet: Fleet, on: str, fault: str, *, jobs: int = 1, times: int = 1000, **facts: str
) -> Iterator[None]:
    """Google's calls of a kind fail while some jobs are created."""
    fleet.google.account.faults.append(GoogleFault(on, fault, times, **facts))  # type: ignore[arg-type]
    try:
        fleet.create(count=jobs)
        yield
    finally:
        fleet.google.account.faults.clear()


@contextmanager
def storage_fails(fleet: Fleet, fault: str) -> Iterator[None]:
    """The storage accepts no file of a job that was just created."""
    fleet.cloudinary.script("upload", fault, times=10_000)
    try:
        fleet.create()
        yield
    finally:
        fleet.cloudinary.account.faults.clear()


@contextmanager
def never_finished(fleet: Fleet) -> Iterator[None]:
    """Google never finishes a video; its row is dated back three hours."""
    with google_fails(fleet, "work", "never"):
        wait_until(_is_in(fleet, "generating"), seconds=FIRST_SECONDS, what="a job that is generating")
        fleet.database.execute(
            "UPDATE videos_videojob SET created_at = created_at - interval '3 hours' WHERE phase = 'generating'"
        )
        yield
    for work in list(fleet.google.account.works.values()):
        work.end = NO_FAULT
    wait_until(lambda: not _is_in(fleet, "generating")(), seconds=FIRST_SECONDS, what="the video made")


@contextmanager
def storage_refuses(fleet: Fleet) -> Iterator[None]:
    """The storage refuses our key; the video's row is dated back 40 minutes."""
    with storage_fails(fleet, "401 Invalid Signature"):
        wait_until(_is_in(fleet, "storing"), seconds=FIRST_SECONDS, what="a finished video")
        fleet.database.execute(
            "UPDATE videos_videojob SET generated_at = generated_at - interval '40 minutes' WHERE phase = 'storing'"
        )
        yield
    wait_until(lambda: not _is_in(fleet, "storing")(), seconds=FIRST_SECONDS, what="the video stored")


@contextmanager
def removals_refused(fleet: Fleet) -> Iterator[None]:
    """The storage removes nothing."""
    job = fleet.create()[0]
    fleet.finish([job])
    fleet.cloudinary.script("destroy", "500", times=10_000)
    try:
        fleet.delete(job)
        yield
    finally:
        fleet.cloudinary.account.faults.clear()


@contextmanager
def removals_forgotten(fleet: Fleet) -> Iterator[None]:
    """The removal of a file was due two hours ago (its row is dated back), and no sweeper runs."""
    job = fleet.create()[0]
    fleet.finish([job])
    with without(fleet, "sweeper"):
        fleet.delete(job)
        fleet.database.execute("UPDATE studio_disposal SET due_at = now() - interval '2 hours'")
        yield


_ADD_TASK = (
    "INSERT INTO accounts_accounttask"
    " (id, created_at, updated_at, kind, email, due_at, attempts, last_error, failed_at)"
    " VALUES (gen_random_uuid(), now(), now(), 'reset_password', 'ann@example.com', {}, {}, 'refused', {})"
)


@contextmanager
def mail_given_up(fleet: Fleet) -> Iterator[None]:
    """A mail was given up after 30 attempts."""
    fleet.database.execute(_ADD_TASK.format("now()", 30, "now()"))
    yield
    fleet.database.execute("DELETE FROM accounts_accounttask")


@contextmanager
def task_forgotten(fleet: Fleet) -> Iterator[None]:
    """A mail was due an hour ago (its row is dated back), and no sweeper runs."""
    with without(fleet, "sweeper"):
        fleet.database.execute(_ADD_TASK.format("now() - interval '1 hour'", 0, "NULL"))
        yield
    fleet.database.execute("DELETE FROM accounts_accounttask")


@contextmanager
def message_waits(fleet: Fleet) -> Iterator[None]:
    """A message to a webhook was due an hour ago, and no worker sends it: the fleet has none."""
    fleet.database.execute(_ADD_WEBHOOK)
    fleet.database.execute(_ADD_MESSAGE)
    yield
    fleet.database.execute("DELETE FROM videos_webhookdelivery")
    fleet.database.execute("DELETE FROM videos_webhookendpoint")


_ADD_WEBHOOK = (
    "INSERT INTO videos_webhookendpoint"
    " (id, created_at, updated_at, owner_id, place, url, description, events, origin, secret, previous_secret,"
    " disabled_reason, last_number)"
    " SELECT gen_random_uuid(), now(), now(), id, 1, 'https://hooks.example.com/', '', '[]', '', '', '', '', 0"
    " FROM accounts_user LIMIT 1"
)
_ADD_MESSAGE = (
    "INSERT INTO videos_webhookdelivery"
    " (id, created_at, updated_at, endpoint_id, kind, body, state, due_at, attempts, last_error)"
    " SELECT gen_random_uuid(), now(), now(), id, 'webhook.test', '{}', 'pending', now() - interval '1 hour', 0, ''"
    " FROM videos_webhookendpoint"
)


@contextmanager
def live_silent(fleet: Fleet) -> Iterator[None]:
    """A live process has run, and died two minutes ago: its row is dated back."""
    fleet.database.execute(
        "INSERT INTO studio_heartbeat (id, created_at, updated_at, name, beat_at)"
        " VALUES (gen_random_uuid(), now(), now(), 'live', now() - interval '2 minutes')"
        " ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at"
    )
    yield
    fleet.database.execute("DELETE FROM studio_heartbeat WHERE name = 'live'")


@contextmanager
def balance_changed(fleet: Fleet) -> Iterator[None]:
    """A balance is changed without the ledger; then the daily reconciliation is due."""
    change = (
        "UPDATE accounts_tokenaccount SET balance = balance {} 7 WHERE user_id = (SELECT min(user_id::text)::uuid "
        + ("FROM accounts_tokenaccount)")
    )
    fleet.database.execute(change.format("+"))
    try:
        fleet.database.execute(_DUE)
        yield
    finally:
        fleet.database.execute(change.format("-"))
        fleet.database.execute(_DUE)


@contextmanager
def file_vanished(fleet: Fleet) -> Iterator[None]:
    """The storage loses a video of a job that has succeeded; then the daily reconciliation is due."""
    job = fleet.create()[0]
    fleet.finish([job])
    with fleet.cloudinary.account.lock:
        fleet.cloudinary.account.files.clear()
    fleet.database.execute(_DUE)
    yield


@contextmanager
def files_unreadable(fleet: Fleet) -> Iterator[None]:
    """The storage fails every request about a file; then the daily reconciliation is due."""
    fleet.finish(fleet.create())
    for on in ("head", "delivery"):
        fleet.cloudinary.script(on, "503", times=10_000)
    fleet.database.execute(_DUE)
    try:
        yield
    finally:
        fleet.cloudinary.account.faults.clear()
        fleet.database.execute(_DUE)


@contextmanager
def reconciliation_hangs(fleet: Fleet) -> Iterator[None]:
    """No reconciliation has finished for three days: its row is dated back, once the one of before has written it."""
    idle = "SELECT id FROM studio_taskstate WHERE name = 'reconciliation' AND lease IS NULL AND due_at > now()"
    wait_until(lambda: bool(fleet.database.rows(idle)), seconds=FIRST_SECONDS, what="the reconciliation finished")
    _change_state(fleet, "now() - interval '3 days'")
    yield
    _change_state(fleet, "now()")


def _change_state(fleet: Fleet, moment: str) -> None:
    fleet.database.execute(
        "UPDATE studio_taskstate SET due_at = now() + interval '1 day', state = jsonb_set(state, "
        f"'{{last,finished_at}}', to_jsonb(to_char({moment}, 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"')))"
    )


@contextmanager
def upstream_retired(fleet: Fleet) -> Iterator[None]:
    """Google has retired the first upstream, and refuses it for the third time in a row."""
    with catalogue.retired_upstream(fleet.database, refusals=catalogue.NEARLY_SUSPENDED):
        fleet.create()
        yield
    fleet.database.execute("UPDATE videos_upstream SET refusals = 0, suspended_at = NULL, suspended_because = ''")


@contextmanager
def model_ends(fleet: Fleet) -> Iterator[None]:
    fleet.database.execute("UPDATE videos_upstream SET retires_on = current_date + 5 WHERE is_enabled")
    try:
        yield
    finally:
        fleet.database.execute("UPDATE videos_upstream SET retires_on = NULL WHERE is_enabled")


@contextmanager
def dear_video(fleet: Fleet) -> Iterator[None]:
    """A video of $400, by the catalogue."""
    fleet.database.execute("""UPDATE videos_upstream SET prices = '{"720p": "100"}' WHERE is_enabled""")
    fleet.create()
    yield
