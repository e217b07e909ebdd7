"""Management commands print no terminal control characters, whatever the tables contain."""

import json
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.core.management import get_commands
from django.utils import timezone

import manage
from accounts.models import LedgerEntry, User
from looks.models import Look, LookVideo
from studio.observability import log
from studio.observability.terminal import PrintableStream, printable
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.models import VideoJob
from videos.phases import Phase

# clear the screen, in C0 and in C1; the title of the window; a line of its own; the other way round; hidden; a BOM
EVIL = "x\x1b[2J\x9b2J\x1b]0;pwned\x07\r\b\x7f\u202e\u2066\u200b\ufeff\u2028\U000e0041y"
WORDS = {
    ("jobs", "list"): 0,
    ("jobs", "list", "--json"): 0,
    ("jobs", "show", "JOB"): 0,
    ("jobs", "show", "JOB", "--json"): 0,
    ("jobs", "list", "--owner", EVIL): 1,
    ("jobs", "show", EVIL): 1,
    ("jobs", "refund", "JOB", "--reason", EVIL): None,
    ("jobs", "retry", "JOB", "--json"): None,
    ("jobs", "delete", "JOB"): 0,
    ("stats",): 0,
    ("stats", "--json"): 0,
    ("models",): 0,
    ("models", "--json"): 0,
    ("reconcile",): None,  # the exit status depends on its findings
    ("doctor",): None,
    ("doctor", "--json"): None,
    ("adopt_operation", "JOB", EVIL): 1,
    ("adopt_operation", "--owner", EVIL, "--provider", "google_veo", "--model", EVIL, EVIL): 1,
    ("move_files", "--to", "cloudinary"): 1,
    ("reconcile", "--strays"): None,
    ("purge", EVIL): None,
    ("create_api_user", EVIL): 1,
    ("create_api_user", "OWNER", "--if-missing", "--json"): None,
    ("grant_tokens", "OWNER", "5", "--note", EVIL): 0,
    ("delete_account", "OWNER"): 0,
    ("delete_account", EVIL): 1,
    ("delete_account", "OWNER", "--yes"): 0,
    ("export_account", EVIL, "export.zip"): 1,
    ("export_account", "OWNER", EVIL + "/export.zip"): 1,
    ("grant_tokens", EVIL, "5", "--note", "x"): 1,
    ("seed_demo", EVIL): None,
    ("axes_list_attempts",): 0,
    ("createsuperuser", "--noinput", "--email", EVIL): 1,
    ("dumpdata", "accounts.user", "videos.videojob"): 0,
    (EVIL,): 1,
}
# They need files or processes, and write through the same two streams.
SILENT = {"up", "live", "sweep", "backup", "restore", "export_openapi", "import_legacy"}
OURS = {name for name, app in get_commands().items() if app in {"studio", "accounts", "looks", "videos", "operations"}}


def is_text(sign: str) -> bool:
    return sign in "\n\t\u200c\u200d" or (unicodedata.category(sign)[0] != "C" and sign not in "\u2028\u2029")


@pytest.fixture
def _logs() -> Iterator[None]:
    """After the test, logs go to stderr again; `manage.main` has them written to the test's, which is closed then."""
    yield
    log.configure(settings.LOGGING)


@pytest.fixture(autouse=True)
def _streams(_logs: None, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Restores what `manage.main` wraps."""
    before = sys.stdout, sys.stderr
    yield
    sys.stdout, sys.stderr = before


@pytest.fixture
def job(make_user: MakeUser, make_job: MakeJob) -> VideoJob:
    owner = make_user()
    User.objects.filter(pk=owner.pk).update(email=f'"{EVIL.lower()}"@example.com')
    owner.refresh_from_db()
    made = make_job(
        owner,
        prompt=EVIL,
        phase=Phase.FAILED,
        error_code=EVIL[:20],
        error_message=EVIL,
        provider_reply=f"{EVIL}\n{EVIL}",
    )
    LookVideo.objects.create(look=Look.objects.create(owner=owner, title=EVIL), video=made)
    LedgerEntry.objects.create(account=owner.token_account, kind="grant", amount=1, balance_after=1001, note=EVIL)
    AccessAttempt.objects.create(
        username=EVIL, ip_address="192.0.2.1", user_agent=EVIL, attempt_time=timezone.now(), failures_since_start=3
    )
    return made


def run(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> int:
    """The exit status of `manage.py` with these words, in this process, whose database is the test's."""
    monkeypatch.setattr(sys, "argv", ["manage.py", *words])
    monkeypatch.setattr("django.db.utils.BaseConnectionHandler.close_all", lambda self: None)  # the test continues
    try:
        manage.main()
    except SystemExit as exc:
        return int(exc.code) if isinstance(exc.code, int) else 1
    return 0


def test_every_command_of_ours_is_tried_or_has_nothing_to_say() -> None:
    assert {words[0] for words in WORDS} & OURS | SILENT == OURS


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.parametrize("words", WORDS, ids=lambda words: "-".join(words).encode("ascii", "ignore").hex()[:40])
def test_only_text_leaves_a_command(
    job: VideoJob,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    given = {"JOB": str(job.pk), "OWNER": job.owner.email}

    status = run(monkeypatch, tuple(given.get(word, word) for word in words))

    out, err = capsys.readouterr()
    assert [sign for sign in out + err if not is_text(sign)] == []
    assert WORDS[words] in (None, status)
    if "--json" in words and status == 0:
        assert json.loads(out) is not None


@pytest.mark.django_db
def test_json_says_what_is_stored(
    job: VideoJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, ("jobs", "show", str(job.pk), "--json"))

    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (facts["job"]["prompt"], facts["provider_reply"]) == (EVIL, f"{EVIL}\n{EVIL}")


@pytest.mark.django_db
def test_line_of_a_list_is_one_job(
    make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(make_user(), phase=Phase.FAILED, error_code="a\nb", prompt="first\nphase      completed")

    run(monkeypatch, ("jobs", "list"))
    run(monkeypatch, ("jobs", "show", str(job.pk)))

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("phase ")] == [f"{'phase':<22} failed"]
    assert len([line for line in lines if line.startswith(f"{job.pk} failed") and "a\\u000ab" in line]) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ein Kleid 👗, ein\u200cer, a\u00a0b\u0301", "Ein Kleid 👗, ein\u200cer, a\u00a0b\u0301"),
        ("\x1b[31m\x9b\x00\x7f", "\\u001b[31m\\u009b\\u0000\\u007f"),
        ("\u202e\ud800\U000e0001\U0010ffff", "\\u202e\\ud800\\udb40\\udc01\\udbff\\udfff"),
    ],
)
def test_what_is_not_text_is_spelled_as_in_json(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert json.loads(f'"{printable(text)}"') == text


def test_streams_are_wrapped_once_unless_a_terminal_program_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, ("help", "jobs"))
    first = sys.stdout
    run(monkeypatch, ("help", "jobs"))

    assert isinstance(first, PrintableStream)
    assert sys.stdout is first
    assert first.isatty() is False
    first.writelines(["a\x1b", "b\n"])
    assert capsys.readouterr().out.endswith("a\\u001bb\n")
