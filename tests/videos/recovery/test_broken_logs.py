"""Lines of a log that cannot be adopted are refused in a sentence, and the others are adopted."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from accounts.models import User
from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.videos.recovery.test_recreation import MODEL, NAME, adopt
from videos.models import VideoJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(make_user: MakeUser, google: FakeGoogle) -> User:
    return make_user()


def facts(owner: User, **changes: Any) -> dict[str, Any]:
    return {
        "message": "operation.accepted",
        "job_id": str(uuid.uuid4()),
        "owner_id": str(owner.pk),
        "provider": "google_veo",
        "model": MODEL,
        "upstream_model": MODEL,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "duration_seconds": 4,
        "generate_audio": False,
        "tokens": 50,
        "operation": NAME,
    } | changes


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"job_id": 5, "owner_id": None}, "cannot be used: Its job_id must be text, not 5."),
    ({"job_id": "7"}, 'cannot be used: Its job_id is not a UUID: "7".'),
    ({"owner_id": None}, "cannot be used: Its owner_id must be text, not null."),
    ({"owner_id": "ann\0@example.com"}, "cannot be used: Its owner_id must be at most 1000 printable characters: "),
    ({"owner_id": "\ud800"}, "cannot be used: Its owner_id must be at most 1000 printable characters: "),
    ({"owner_id": "x" * 999}, "is not adopted: No account has the address"),
    ({"provider": ["google_veo"]}, "cannot be used: Its provider must be text, not a list."),
    ({"provider": "nobodys"}, "is not adopted: --provider: Must be one of"),
    ({"provider": "google_vertex"}, "is not adopted: google_vertex is not set up on this server"),
    ({"model": {}}, "cannot be used: Its model must be text, not an object."),
    ({"resolution": 720}, "cannot be used: Its resolution must be text, not 720."),
    ({"duration_seconds": "4"}, 'cannot be used: Its duration_seconds must be a whole number, not "4".'),
    ({"duration_seconds": True}, "cannot be used: Its duration_seconds must be a whole number, not true."),
    ({"duration_seconds": 10**30}, "is not adopted: --duration: Must be one of"),
    ({"generate_audio": 1}, "cannot be used: Its generate_audio must be true or false, not 1."),
    ({"tokens": None}, "cannot be used: Its tokens must be a whole number, not null."),
    ({"operation": "../x"}, "is not adopted: No operation of google_veo has the name"),
    ({"operation": "models/a/operations/b\0"}, "cannot be used: Its operation must be at most 1000 printable"),
]


@pytest.mark.parametrize(("changes", "sentence"), BROKEN)
def test_bad_line_is_refused_and_the_others_are_adopted(
    ann: User, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    good = [facts(ann, operation=f"{NAME}{number}") for number in range(2)]
    log = tmp_path / "log"
    log.write_text("\n".join(json.dumps(line) for line in (good[0], facts(ann, **changes), good[1])))

    refusal, *adopted = sorted(adopt("--log", str(log)).splitlines(), key=lambda line: not line.startswith("Line"))

    assert refusal.startswith("Line 2")
    assert sentence in refusal
    assert adopted == [
        *(f"Job {line['job_id']} is restored, 50 tokens charged." for line in good),
        "2 adopted, 0 already known, 1 refused.",
        "exit 1",
    ]


def test_lines_that_are_torn_or_no_json_are_refused(ann: User, tmp_path: Path) -> None:
    good = facts(ann)
    lines = [
        "operation.accepted job_id=7",
        json.dumps(good)[:-9],
        '{"message": "operation.accepted"}',
        '{"message": "operation.accepted", "x": ' + "[" * 100_000,
        "",
        '["operation.accepted"]',
        json.dumps(good),
    ]
    (tmp_path / "log").write_bytes("\n".join(lines).encode() + b'\n\xff{"message": "operation.accepted\xff')

    said = adopt("--log", str(tmp_path / "log")).splitlines()

    no_json = "cannot be used: It is not a line of JSON; the log must be complete, and written with LOG_FORMAT=json."
    assert said == [
        f"Line 1 {no_json}",
        f"Line 2 {no_json}",
        "Line 3 cannot be used: It lacks job_id.",
        f"Line 4 {no_json}",
        f"Line 6 {no_json}",
        f"Line 8 {no_json}",
        f"Job {good['job_id']} is restored, 50 tokens charged.",
        "1 adopted, 0 already known, 6 refused.",
        "exit 1",
    ]


@pytest.mark.parametrize("event", ["operation.accepted", "operation accepted"])  # the latter before 1.1
def test_log_is_read_from_standard_input(
    ann: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    (tmp_path / "log").write_text(json.dumps(facts(ann, message=event)))

    with (tmp_path / "log").open() as log:
        monkeypatch.setattr("sys.stdin", log)
        said = adopt("--log", "-")

    assert said.endswith("1 adopted, 0 already known, 0 refused.\n")
    assert VideoJob.objects.get().operation == NAME


def test_log_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        adopt("--log", str(tmp_path / "none"))
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        adopt("--log", str(tmp_path))
