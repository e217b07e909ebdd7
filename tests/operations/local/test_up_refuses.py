"""`manage.py up` that cannot start says why in one sentence."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from studio.env import PROJECT
from tests.operations.local.up_process import START_SECONDS, Start, Up, refused

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.xdist_group("up")]
once = pytest.mark.once


@once
def test_second_one_with_the_same_data_is_refused(up: Up) -> None:
    done = up.manage("up")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Cannot start: it is already running with its data in {up.folder}; for a second copy set DATA_DIR and PORT.\n"
    )


@once
def test_port_in_use_is_one_sentence(up: Up, start: Start) -> None:
    outcomes = [refused(start(**{name: up.port})) for name in ("PORT", "LIVE_PORT")]

    assert outcomes == [
        (1, f"Cannot start: port {up.port} is in use; set {name} to another one.") for name in ("PORT", "LIVE_PORT")
    ]


@once
@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"HOST": "192.0.2.1"}, "HOST is '192.0.2.1'; it should be an address of this machine, such as 127.0.0.1"),
        ({"HOST": "no host"}, "HOST is 'no host'; it should be an address of this machine, such as 127.0.0.1"),
        ({"PORT": "9", "LIVE_PORT": "9"}, "PORT and LIVE_PORT are both 9; set LIVE_PORT to another one."),
        ({"PORT": "http"}, "PORT is 'http'; it should be a whole number from 1 to 65535."),
        ({"REDIS_URL": "redis://:hidden@127.0.0.1:1/0"}, "Redis at REDIS_URL does not respond ("),
        ({"DATABASE_URL": "postgresql://ann:hidden@127.0.0.1:1/x"}, "the database cannot be prepared ("),
    ],
)
def test_reason_not_to_start_is_one_sentence(environment: dict[str, str], sentence: str, start: Start) -> None:
    status, last_line = refused(start(**environment))

    assert status == 1
    assert last_line.startswith(f"Cannot start: {sentence}")
    assert "hidden" not in last_line


@once
def test_data_dir_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    keys = {"SECRET_KEY": "s" * 50, "JWT_SIGNING_KEY": "j" * 64}  # given, so that `up` itself fails

    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=PROJECT,
        env={**os.environ, **keys, "REDIS_URL": "", "DATA_DIR": str(tmp_path / "file" / "data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Cannot start: DATA_DIR should be a writable folder; ")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product, whose `.env` has a mistake in line 2."""
    folder = tmp_path_factory.mktemp("copy") / "studio"
    ignore = shutil.ignore_patterns(".*", "data", "tests", "docs", "benchmarks", "__pycache__")
    shutil.copytree(PROJECT, folder, ignore=ignore)
    (folder / ".env").write_text("PORT=8000\nthis is no assignment\n")
    return folder


@once
@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "up"],
        ["manage.py", "rqworker", "submit"],
        ["manage.py", "sweep"],
        ["manage.py", "live"],
        ["-m", "gunicorn", "studio.wsgi:application"],
    ],
)
def test_broken_dotenv_is_one_sentence(command: list[str], copy: Path) -> None:
    # coverage.py would report on the copy
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}

    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Cannot start: line 2 of {copy / '.env'} is not NAME=value.\n"


@once
def test_port_that_accepts_but_does_not_respond_is_in_use(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        outcome = refused(start(PORT=port))

    assert outcome == (1, f"Cannot start: port {port} is in use; set PORT to another one.")
