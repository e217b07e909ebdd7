"""Properties of all our commands: help with examples, one sentence for an error, exit statuses."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.test import Client

from studio.command_line import OperatorCommand
from tests.running import manage

APPS = {"studio", "accounts", "looks", "videos", "operations"}
OURS = sorted((app, name) for name, app in get_commands().items() if app in APPS)


@pytest.mark.parametrize(("app", "name"), OURS)
def test_help_shows_examples_and_exit_statuses(app: str, name: str) -> None:
    command = load_command_class(app, name)
    shown = command.create_parser("manage.py", name).format_help()

    assert isinstance(command, OperatorCommand)
    assert f"Examples:\n  manage.py {command.examples[0]}\n" in shown
    assert any(example.startswith(name) for example in command.examples)
    assert f"Exit status: 0 success, 1 {command.failure}, 2 wrong usage." in " ".join(shown.split())
    assert len(command.help) > 80
    assert all(len(line) <= 120 for example in command.examples for line in f"  manage.py {example}".splitlines())


@pytest.mark.slow
def test_errors_have_an_exit_status_and_one_sentence(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path), "DATABASE_URL": ""}

    wrong = manage("grant_tokens", "ann@example.com", "five", "--note", "x", **environment)
    refused = manage("grant_tokens", "ann@example.com", "5", "--note", " ", **environment)
    broken = manage("grant_tokens", "ann@example.com", "5", "--note", "x", **environment)

    assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (
        2,
        "manage.py grant_tokens: error: argument AMOUNT: invalid int value: 'five'",
    )
    assert (refused.returncode, refused.stderr) == (1, "--note must give the reason, in 1 to 500 characters.\n")
    assert (broken.returncode, broken.stderr) == (
        1,
        "The database cannot do this (no such table: accounts_user); manage.py doctor says more.\n",
    )
    assert (wrong.stdout, refused.stdout, broken.stdout) == ("", "", "")


@pytest.mark.django_db
def test_exported_schema_is_the_one_that_is_served(client: Client, tmp_path: Path) -> None:
    call_command("export_openapi", output=tmp_path / "openapi.json")

    assert json.loads((tmp_path / "openapi.json").read_text()) == client.get("/openapi.json").json()


@pytest.mark.slow
def test_exported_schema_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    first, second = (manage("export_openapi", DATA_DIR=str(tmp_path), PYTHONHASHSEED=seed) for seed in ("1", "2"))

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["openapi"].startswith("3.")


@pytest.mark.slow
def test_schema_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    done = manage("export_openapi", "--output", str(tmp_path / "no" / "where.json"), DATA_DIR=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("--output cannot be written: ")
    assert done.stderr.count("\n") == 1
