import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio import env
from studio.env import PROJECT, BadEnvironment

Reader = Callable[[], Any]

READ: dict[str, tuple[Reader, str | None, Any]] = {
    # reader, the variable (None: unset), result
    "text, unset": (lambda: env.text("X", "default"), None, "default"),
    "text, empty is unset": (lambda: env.text("X", "default"), " ", "default"),
    "text, trimmed": (lambda: env.text("X"), " a b ", "a b"),
    "flag, unset": (lambda: env.flag("X", default=True), None, True),
    "flag, true": (lambda: env.flag("X", default=False), "Yes", True),
    "flag, false": (lambda: env.flag("X", default=True), "OFF", False),
    "integer, unset": (lambda: env.integer("X", 7), None, 7),
    "integer, least": (lambda: env.integer("X", 7, least=1, most=9), "1", 1),
    "integer, most": (lambda: env.integer("X", 7, least=1, most=9), "9", 9),
    "choice": (lambda: env.choice("X", "a", among=("a", "b")), "b", "b"),
    "choice, unset": (lambda: env.choice("X", "a", among=("a", "b")), None, "a"),
    "words": (lambda: env.words("X"), "a, b,,", ["a", "b"]),
    "words, unset": (lambda: env.words("X"), None, []),
    "origins": (lambda: env.origins("X"), "https://a.b,http://c:1", ["https://a.b", "http://c:1"]),
    "prefix": (lambda: env.url_prefix("X"), "/AIStudio/", "/AIStudio"),
    "prefix, unset": (lambda: env.url_prefix("X"), None, ""),
    "redis": (lambda: env.redis_url("X"), "rediss://h:6379/1", "rediss://h:6379/1"),
    "database, unset": (lambda: env.database("X"), None, None),
    "rate": (lambda: env.rate("X", "5/min"), "10/hour", "10/hour"),
}

REFUSED: dict[str, tuple[Reader, str, str]] = {
    "flag": (lambda: env.flag("X", default=True), "perhaps", "X is 'perhaps'; it should be true or false."),
    "integer, words": (
        lambda: env.integer("X", 1),
        "ten",
        "X is 'ten'; it should be a whole number from 0 to 2147483648.",
    ),
    "integer, too small": (
        lambda: env.integer("X", 1, least=1),
        "0",
        "X is '0'; it should be a whole number from 1 to",
    ),
    "integer, too large": (
        lambda: env.integer("X", 1, most=9),
        "10",
        "X is '10'; it should be a whole number from 0 to 9.",
    ),
    "integer, negative": (lambda: env.integer("X", 1), "-1", "X is '-1'; it should be a whole number"),
    "choice": (lambda: env.choice("X", "a", among=("a", "b")), "c", "X is 'c'; it should be one of: a, b."),
    "origin without scheme": (lambda: env.origins("X"), "app.com", "X has 'app.com'; an origin has the form https://"),
    "origin with path": (lambda: env.origins("X"), "https://a.b/c", "X has 'https://a.b/c'; an origin has the form"),
    "prefix without slash": (
        lambda: env.url_prefix("X"),
        "AIStudio",
        "X is 'AIStudio'; it should be a path such as /AIStudio.",
    ),
    "prefix with query": (lambda: env.url_prefix("X"), "/a?b", "X is '/a?b'; it should be a path such as /AIStudio."),
    "redis": (lambda: env.redis_url("X"), "http://secret@h", "X should have the form redis://localhost:6379/0."),
    "database": (
        lambda: env.database("X"),
        "mysql://u:secret@h/d",
        "X should have the form postgresql://user:password@",
    ),
    "database, port": (lambda: env.database("X"), "postgres://u:secret@h:x/d", "X cannot be parsed; the form is"),
    "rate": (lambda: env.rate("X", "5/min"), "ten a day", "X is 'ten a day'; it should be a rate such as 10/min."),
    "short secret": (
        lambda: env.secret("X", least=9, create_in=None),
        "secret",
        "X is too short; it should be at least 9",
    ),
}


@pytest.mark.parametrize("case", READ)
def test_value_is_read(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, value, expected = READ[case]
    monkeypatch.delenv("X", raising=False)
    if value is not None:
        monkeypatch.setenv("X", value)

    assert read() == expected


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_value_is_named_with_what_it_should_be(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, value, sentence = REFUSED[case]
    monkeypatch.setenv("X", value)

    with pytest.raises(BadEnvironment) as refusal:
        read()

    assert str(refusal.value).startswith(sentence)
    assert "secret@" not in str(refusal.value)


def test_database_url_becomes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "postgresql://ann:pw@db:5433/studio")

    database = env.database("X") or {}

    assert {key: database[key] for key in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "studio",
        "USER": "ann",
        "PASSWORD": "pw",
        "HOST": "db",
        "PORT": 5433,
    }


def test_missing_secret_is_refused_where_none_may_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)

    with pytest.raises(BadEnvironment, match="SOME_KEY is not set; it should be at least 50 random characters"):
        env.secret("SOME_KEY", least=50, create_in=None)


def test_secret_is_made_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)

    made = [env.secret("SOME_KEY", least=64, create_in=tmp_path / "secrets") for _ in range(2)]

    kept = tmp_path / "secrets" / "some_key"
    assert made == [kept.read_text()] * 2
    assert len(made[0]) >= 64
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["some_key"]


def test_secret_in_a_place_that_cannot_be_written_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    (tmp_path / "data").write_text("a file")

    with pytest.raises(BadEnvironment, match="DATA_DIR should be a folder that can be written"):
        env.secret("SOME_KEY", least=64, create_in=tmp_path / "data" / "secrets")


def test_url_of_a_running_valkey_is_found(tmp_path: Path) -> None:
    path = tmp_path / "url"
    before = env.stored_url(path)

    env.write_private(path, "redis://:pw@127.0.0.1:1/0")

    assert (before, env.stored_url(path)) == ("", "redis://:pw@127.0.0.1:1/0")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_variable_that_is_read_is_in_the_example() -> None:
    settings = "".join(path.read_text() for path in (PROJECT / "studio" / "settings").glob("*.py"))
    example = (PROJECT / ".env.example").read_text()

    read = set(re.findall(r'env\.[a-z_]+\(\s*"([A-Z_]+)"', settings))
    read |= set(re.findall(r'env\.verifying_secrets\(\s*"\w+", "([A-Z_]+)"', settings))  # each has an older name
    shown = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))

    assert read | {"POSTGRES_PASSWORD"} == shown  # which compose.yaml reads


NEXT, BEFORE, SIGNING = "n" * 9, "b" * 9, ("KEY", "s" * 9)


def test_verifying_secrets_have_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", f"{NEXT}, {BEFORE}")
    monkeypatch.setenv("OLDER", BEFORE)

    assert env.verifying_secrets("X", "OLDER", signing=SIGNING, least=9) == [NEXT, BEFORE]
    monkeypatch.delenv("X")
    assert env.verifying_secrets("X", "OLDER", signing=SIGNING, least=9) == [BEFORE]


@pytest.mark.parametrize("name", ["X", "OLDER"])
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (f"{NEXT},short", "has a secret that is too short; each needs at least 9 characters."),
        (f"{NEXT},{SIGNING[1]}", "has the same secret as KEY; it should have the next one or the one before."),
    ],
)
def test_verifying_secret_that_is_weak_or_signs_is_refused(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(BadEnvironment) as refusal:
        env.verifying_secrets("X", "OLDER", signing=SIGNING, least=9)

    assert str(refusal.value) == f"{name} {sentence}"


def test_older_name_counts_until_the_new_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLD", "3")
    older = env.integer("NEW", 8, most=9, older_name="OLD")
    monkeypatch.setenv("NEW", "4")
    newer = env.integer("NEW", 8, most=9, older_name="OLD")
    monkeypatch.delenv("NEW")
    monkeypatch.setenv("OLD", "10")

    assert (older, newer) == (3, 4)
    with pytest.raises(BadEnvironment, match="OLD is '10'"):
        env.integer("NEW", 8, most=9, older_name="OLD")
