"""The one command, as a person uses it: real processes, a temporary DATA_DIR, a free port."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from operations.local.valkey import free_port
from studio.env import PROJECT
from tests.running import own_database_url

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.xdist_group("up")]
START_SECONDS = 90  # with coverage, on a busy machine; otherwise some four
once = pytest.mark.once
PARTS = ("web", "submit", "media", "sweeper", "valkey")


Start = Callable[..., "Up"]


class Up:
    """`manage.py up`, started the way `make run` does."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        self.port = environment.get("PORT") or str(free_port())
        self.api = f"http://localhost:{self.port}{environment.get('BASE_PATH', '')}/api/v1"
        self.environment = {
            **os.environ,
            "DATA_DIR": str(folder),
            "PORT": self.port,
            "REDIS_URL": "",
            "MOCK_VIDEO_SECONDS": "1",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        folder.mkdir(exist_ok=True)
        self._shown = folder / f"shown-{time.time_ns()}.txt"
        with self._shown.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *options],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def shown(self) -> str:
        return self._shown.read_text()

    def wait_for(self, text: str, *, times: int = 1) -> str:
        deadline = time.monotonic() + START_SECONDS
        while self.shown().count(text) < times:
            assert self.process.poll() is None, self.shown()
            assert time.monotonic() < deadline, self.shown()
            time.sleep(0.05)
        return self.shown()

    def pid(self, part: str) -> int:
        """Of the part's latest process."""
        return int(re.findall(rf"{part} is process (\d+)", self.shown())[-1])

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def manage(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Another command, in another shell."""
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )

    def passwords(self) -> list[tuple[str, str]]:
        return re.findall(r"^  (\S+@\S+) +password (.+)$", self.shown(), re.MULTILINE)

    def stop(self) -> float:
        """Ctrl+C; how many seconds it took."""
        began_at = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
        return time.monotonic() - began_at


def wait_until_gone(processes: list[psutil.Process], *, within_seconds: float) -> list[psutil.Process]:
    """Those that still run after that time; the dead that nobody buried yet do not count."""
    deadline = time.monotonic() + within_seconds
    while (left := [process for process in processes if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def refused(up: Up) -> tuple[int, str]:
    """The status and the last words of an `up` that does not start."""
    status = up.process.wait(START_SECONDS)
    return status, up.shown().strip().splitlines()[-1]


def paste(line: str, *, into: Path) -> str:
    done = subprocess.run(["bash", "-c", line], cwd=into, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts one in the test's folder, on a database of its own; what still runs after the test is stopped."""
    started: list[Up] = []
    database = own_database_url()

    def start_one(*options: str, **environment: str) -> Up:
        up = Up(tmp_path / "data", *options, **{"DATABASE_URL": database, **environment})
        started.append(up)
        return up

    yield start_one
    for up in started:
        up.stop()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up") / "data dir", DATABASE_URL=own_database_url())
    up.wait_for("Look at your last one")
    yield up
    up.stop()


@once
def test_first_lines_of_the_banner_lead_somewhere(up: Up) -> None:
    shown = up.wait_for("Ctrl+C stops everything.")

    urls = dict(re.findall(r"^  (API|Docs|Admin) +(\S+)$", shown, re.MULTILINE))

    base = f"http://localhost:{up.port}"
    assert urls == {"API": f"{base}/api/v1", "Docs": f"{base}/docs", "Admin": f"{base}/admin/"}
    assert httpx.get(urls["Docs"]).status_code == 200
    assert httpx.get(urls["Admin"], follow_redirects=True).status_code == 200


@once
def test_accounts_of_the_banner_work(up: Up) -> None:
    accounts = {}
    for email, password in up.passwords():
        token = httpx.post(f"{up.api}/auth/token", json={"email": email, "password": password}).json()["access"]
        accounts[email] = httpx.get(f"{up.api}/auth/me", headers={"Authorization": f"Bearer {token}"}).json()

    assert {email: me["isStaff"] for email, me in accounts.items()} == {
        "demo@example.com": False,
        "admin@example.com": True,
    }
    assert accounts["admin@example.com"]["tokens"]["balance"] == 1000
    kept = up.folder / "secrets" / "accounts.json"
    assert json.loads(kept.read_text()) == dict(up.passwords())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_pasted_lines_make_a_video_and_download_it(up: Up, tmp_path: Path) -> None:
    shown = up.wait_for("Look at your last one")
    make = next(line for line in shown.splitlines() if line.startswith("  curl "))
    look = next(line for line in shown.splitlines() if line.startswith("  T="))

    made = paste(make, into=tmp_path)
    looked_at = paste(look, into=tmp_path)

    assert made.startswith("HTTP/1.1 202 ")
    job = json.loads(made[made.index("{") :])
    assert job["prompt"] == "A red dress in the wind"
    assert json.loads(looked_at.splitlines()[0])["id"] == job["id"]
    assert (tmp_path / "video.mp4").read_bytes()[4:8] == b"ftyp"


@once
def test_output_is_told_apart_by_name(up: Up) -> None:
    httpx.get(f"http://localhost:{up.port}/healthz?secret=1")

    shown = up.wait_for("path=/healthz status=200 ")

    named = {line.partition("|")[0].strip() for line in shown.splitlines() if "     | " in line or " | " in line}
    assert named >= {"up", "web", "valkey"}
    assert "secret=1" not in shown
    assert "method=GET path=/healthz status=200 " in (up.folder / "logs" / "web.log").read_text()


@once
def test_line_break_in_a_path_makes_no_line_in_the_log(up: Up) -> None:
    httpx.get(f"http://localhost:{up.port}/nothing%0aFORGED%20line")

    lines = [line for line in up.wait_for("FORGED").splitlines() if "FORGED" in line]
    assert ["path=/nothing%0aFORGED%20line status=404 " in line for line in lines] == [True]
    assert lines[0].startswith("web     | ")


@once
def test_commands_in_another_shell_find_valkey(up: Up) -> None:
    script = "from django.core.cache import cache; cache.set('k', 'from outside'); print(cache.get('k'))"

    done = up.manage("shell", "--no-imports", "-v", "0", "-c", script)

    assert (done.stdout.strip(), done.stderr) == ("from outside", "")


@once
def test_what_it_writes_is_for_its_own_account(up: Up) -> None:
    assert stat.S_IMODE(up.folder.stat().st_mode) == 0o700
    written = [path for path in up.folder.rglob("*") if not path.name.startswith("shown-")]  # which is the test's
    assert {"db.sqlite3", "web.log"} <= {path.name for path in written}
    assert [path for path in written if path.lstat().st_mode & 0o077] == []
    assert stat.S_IMODE((up.folder / "valkey" / "url").stat().st_mode) == 0o600


@once
def test_second_one_with_the_same_data_is_refused(up: Up) -> None:
    done = up.manage("up")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Cannot start: it runs already, with its data in {up.folder}; for a second copy set DATA_DIR and PORT.\n"
    )


@once
def test_port_in_use_is_one_sentence(up: Up, start: Start) -> None:
    outcome = refused(start(PORT=up.port))

    assert outcome == (1, f"Cannot start: port {up.port} is in use; set PORT to another one.")


@once
@pytest.mark.parametrize("part", PARTS)
def test_killed_part_comes_back(up: Up, part: str) -> None:
    before = up.pid(part)
    told = up.shown().count(f"{part} was killed by SIGKILL")

    os.kill(before, signal.SIGKILL)

    up.wait_for(f"{part} was killed by SIGKILL; it starts again in ", times=told + 1)
    up.wait_for(f"{part} is process ", times=up.shown().count(f"{part} is process ") + (up.pid(part) == before))
    assert up.pid(part) != before
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            assert httpx.get(f"http://localhost:{up.port}/healthz", timeout=5).json() == {"status": "ok"}
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_ctrl_c_ends_all_of_it_and_the_next_start_keeps_the_data(start: Start) -> None:
    first = start()
    first.wait_for("Look at your last one")
    family = first.family()

    seconds = first.stop()

    left = wait_until_gone(family, within_seconds=0)
    url_was_kept = (first.folder / "valkey" / "url").exists()
    shown, passwords = first.shown(), dict(first.passwords())
    change_password(first, "demo@example.com")
    second = start()
    second.wait_for("Ctrl+C stops everything.")
    assert seconds < 12  # four, and what a busy machine adds
    assert first.process.returncode == 0
    assert len(family) >= 7  # five parts and two workers of gunicorn
    assert (left, url_was_kept) == ([], False)
    assert shown.strip().splitlines()[-1] == "up      | stopped"
    assert dict(second.passwords()) == passwords | {"demo@example.com": "(changed since it was made)"}
    assert "curl" not in second.shown()


def change_password(up: Up, email: str) -> None:
    script = (
        f"from accounts.models import User; user = User.objects.get(email={email!r}); "
        "user.set_password('another-passphrase'); user.save(update_fields=['password'])"
    )
    assert up.manage("shell", "-c", script).returncode == 0


@once
def test_second_copy_beside_the_first_dies_with_kill_9_and_starts_again_at_once(up: Up, start: Start) -> None:
    other = start("--no-demo", BASE_PATH="/AIStudio", HOST="0.0.0.0")
    shown = other.wait_for("AI Studio is ready.")
    answers = [httpx.get(f"http://localhost:{port}/healthz").json() for port in (up.port, other.port)]
    family = other.family()

    other.process.kill()
    other.process.wait()
    again = start("--no-demo", PORT=other.port)

    left = wait_until_gone(family, within_seconds=2)
    again.wait_for("AI Studio is ready.")
    assert answers == [{"status": "ok"}] * 2
    assert f"http://localhost:{other.port}/AIStudio/docs" in shown
    assert "password" not in shown
    assert left == []


@once
def test_signal_while_it_starts_ends_what_was_started(start: Start) -> None:
    up = start()
    up.wait_for("preparing the database")
    family = up.family()

    seconds = up.stop()

    assert seconds < 12
    assert up.process.returncode == 0
    assert wait_until_gone(family, within_seconds=0) == []
    assert "Traceback" not in up.shown()


@once
def test_production_with_a_redis_of_its_own_embeds_and_invents_nothing(start: Start) -> None:
    keys = {"SECRET_KEY": "s" * 50, "JWT_SIGNING_KEY": "j" * 64, "REDIS_URL": os.environ["REDIS_URL"]}
    up = start(ENVIRONMENT="production", ALLOWED_HOSTS="studio.example.com", **keys)

    shown = up.wait_for("Ctrl+C stops everything.")

    assert "@example.com" not in shown
    assert "valkey" not in shown
    assert [name for name in ("secrets", "valkey") if (up.folder / name).exists()] == []


@once
@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"HOST": "192.0.2.1"}, "HOST is '192.0.2.1'; it should be an address of this machine, such as 127.0.0.1"),
        ({"HOST": "no host"}, "HOST is 'no host'; it should be an address of this machine, such as 127.0.0.1"),
        ({"PORT": "http"}, "PORT is 'http'; it should be a whole number from 1 to 65535."),
        ({"REDIS_URL": "redis://:hidden@127.0.0.1:1/0"}, "REDIS_URL does not answer ("),
        ({"DATABASE_URL": "postgresql://ann:hidden@127.0.0.1:1/x"}, "the database cannot be prepared ("),
    ],
)
def test_what_stands_in_the_way_is_one_sentence(environment: dict[str, str], sentence: str, start: Start) -> None:
    status, last_line = refused(start(**environment))

    assert status == 1
    assert last_line.startswith(f"Cannot start: {sentence}")
    assert "hidden" not in last_line


@once
def test_data_dir_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    keys = {"SECRET_KEY": "s" * 50, "JWT_SIGNING_KEY": "j" * 64}  # given, so that it is `up` that finds out

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
    assert done.stderr.startswith("Cannot start: DATA_DIR should be a folder that can be written; ")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product in another place, with a `.env` of its own that has a mistake in line 2."""
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
def test_port_of_somebody_who_does_not_answer_is_in_use(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])

        outcome = refused(start(PORT=port))

    assert outcome == (1, f"Cannot start: port {port} is in use; set PORT to another one.")
