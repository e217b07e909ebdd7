"""The import report: rows that do not fit, refused sources, and the readable text."""

import io
import json
import uuid
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from looks.models import Look
from tests.conftest import MakeUser
from tests.operations.legacy_import.imports import lines, move
from tests.operations.legacy_import.legacy_tables import CLOUD, LegacyDatabase

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_what_does_not_fit_is_named(legacy: LegacyDatabase, make_user: MakeUser, tmp_path: Path) -> None:
    here = make_user("Taken@example.com")
    taken = legacy.user("TAKEN@example.com")
    first, second = sorted(str(uuid.uuid4()) for _ in range(2))
    legacy.user("ann@example.com", id=first, status="SUSPENDED")
    legacy.user("Ann@Example.com", id=second, tokens=None)
    poor = legacy.user("poor@example.com", tokens=-5)
    new = legacy.user("new@example.com", tokens=None)
    no_email = legacy.user("no address", tokens=None)
    legacy.transaction(first, -50, 40)
    orphan, of_taken = legacy.look(None), legacy.look(taken)
    bare = legacy.look(first, title=None, visibility="friends", generated_image_url="/images/looks/1.png", notes="a")
    odd = legacy.product(bare, name="n" * 300, price=-1, product_url="javascript:alert(1)")
    stray = legacy.job(first, cloudinary_url="https://evil.example.com/1.mp4")
    strange = legacy.job(first, status="ARCHIVED")
    unnamed = legacy.job(first, id="17")
    silent = legacy.job(first, duration_seconds=None)
    file = tmp_path / "report.jsonl"

    report = move(legacy, "--report", str(file))

    already = "already; case makes no difference here."
    assert {line[1:] for line in lines(report)} == {
        (taken, "skipped", f"The address taken@example.com belongs to user {here.pk} {already}"),
        (second, "skipped", f"The address ann@example.com belongs to user {first} {already}"),
        (no_email, "skipped", "'no address' is not an e-mail address."),
        (poor, "changed", "The balance -5 becomes 0."),
        (new, "changed", "It has no balance; it starts like a new account, with 100."),
        (orphan, "skipped", "It has no owner."),
        (of_taken, "skipped", f"Its owner {taken} does not exist here."),
        (
            bare,
            "changed",
            "The visibility 'friends' becomes private. The picture is left out. Its file is at '/images/looks/1.png': "
            "not https, or on a host that EXTERNAL_FILE_HOSTS does not name.",
        ),
        (
            odd,
            "changed",
            "The product's URL is not http, or is too long, and is left out. The name is cut to 200 characters. "
            "The price -1.0 is left out.",
        ),
        (
            stray,
            "skipped",
            "Its file is at 'https://evil.example.com/1.mp4': not https, or on a host that EXTERNAL_FILE_HOSTS does "
            "not name.",
        ),
        (strange, "skipped", "The status 'ARCHIVED' is unknown."),
        (unnamed, "skipped", "The id '17' is not a UUID."),
        (silent, "changed", "It has no duration; 8 s is assumed."),
        (f"user {first}", "differs", "The last transaction left 40 tokens, but the balance was 100."),
    }
    assert [json.loads(line) for line in file.read_text().splitlines()] == report["lines"]
    assert (Look.objects.get().title, User.objects.get(pk=first).is_active) == ("Untitled", False)
    assert report["unmoved"]["tables"] == {"links": 0}
    assert report["unmoved"]["columns"][:2] == ["users.full_name", "users.profile_picture"]


def test_older_version_without_later_tables_is_moved(legacy: LegacyDatabase) -> None:
    legacy.run("DROP TABLE look_videos, look_shares, token_transactions")
    legacy.run("ALTER TABLE looks DROP COLUMN visibility")
    legacy.run("ALTER TABLE video_jobs RENAME COLUMN cloudinary_url TO video_url")
    ann = legacy.user("ann@example.com")
    look_id = str(uuid.uuid4())
    legacy.insert("looks", id=look_id, user_id=ann, generated_image_url=f"{CLOUD}image/upload/v1/x.png")

    report = move(legacy)

    assert report["unmoved"]["absent"] == [
        "column users.email_verified",
        "column users.is_admin",
        "column users.is_active",
        "table token_transactions",
        "column looks.visibility",
        "column products.currency",
        "table look_shares",
        "table look_videos",
    ]
    assert (str(Look.objects.get().pk), Look.objects.get().visibility) == (look_id, "private")


def test_source_of_another_shape_is_refused_by_name(legacy: LegacyDatabase) -> None:
    legacy.run("ALTER TABLE users DROP COLUMN email")
    legacy.run("DROP TABLE user_subscriptions")

    with pytest.raises(CommandError) as refused:
        move(legacy)

    assert str(refused.value) == ("The source lacks required parts: column users.email, table user_subscriptions.")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://localhost/old", "--source should have the form postgresql://"),
        ("postgresql+asyncpg://localhost:1/old", "The source cannot be reached: "),
    ],
)
def test_url_of_another_kind_is_refused(url: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command("import_legacy", "--source", url)


def test_report_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--report should be a file"):
        call_command("import_legacy", "--source", "x", "--report", str(tmp_path))


def test_text_report_is_readable(legacy: LegacyDatabase) -> None:
    for number in range(25):
        legacy.user(f"{number}@example.com", tokens=None, role="ADMIN" if number == 0 else "USER")
    out = io.StringIO()

    call_command("import_legacy", "--source", legacy.url, stdout=out)

    printed = out.getvalue().splitlines()
    assert printed[0].split() == ["read", "made", "there", "skipped", "changed", "differs"]
    assert printed[1].split() == ["users", "25", "25", "0", "0", "25", "0"]
    assert "Tables that are not moved: links (0 rows)." in printed
    assert "Admins here now: 0@example.com." in printed
    assert printed[-2:] == ["... 25 in all, with --report FILE.", "25 rows were made."]
    out = io.StringIO()
    call_command("import_legacy", "--source", legacy.url, "--dry-run", stdout=out)
    assert out.getvalue().splitlines()[-1] == "A dry run: nothing was written; 0 rows would be made."
