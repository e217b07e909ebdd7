"""`manage.py up`: its banner, its accounts, its logs, and how it restarts and ends its parts."""

import json
import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.operations.local.up_process import START_SECONDS, Start, Up, wait_until_gone
from tests.running import wait_until_healthy

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.xdist_group("up")]
once = pytest.mark.once
PARTS = ("web", "live", "submit", "media", "webhooks", "sweeper", "valkey")


def paste(line: str, *, into: Path) -> str:
    done = subprocess.run(["bash", "-c", line], cwd=into, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@once
def test_links_of_the_banner_work(up: Up) -> None:
    shown = up.wait_for("Ctrl+C stops everything.")

    urls = dict(re.findall(r"^  (API|Docs|Admin) +(\S+)$", shown, re.MULTILINE))

    base = f"http://localhost:{up.port}"
    assert f"AI Studio is ready: {base}/\n" in shown
    assert "Your looks, in motion" in httpx.get(f"{base}/", headers={"Accept-Language": "en"}).text
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
    shown = up.wait_for("Show your last video")
    make = next(line for line in shown.splitlines() if line.startswith("  curl "))
    show = next(line for line in shown.splitlines() if line.startswith("  T="))

    made = paste(make, into=tmp_path)
    shown_job = paste(show, into=tmp_path)

    assert made.startswith("HTTP/1.1 202 ")
    job = json.loads(made[made.index("{") :])
    assert job["prompt"] == "A red dress in the wind"
    assert json.loads(shown_job.splitlines()[0])["id"] == job["id"]
    assert (tmp_path / "video.mp4").read_bytes()[4:8] == b"ftyp"


@once
def test_output_is_prefixed_with_the_name_of_its_part(up: Up) -> None:
    httpx.get(f"http://localhost:{up.port}/healthz?secret=1")

    shown = up.wait_for("path=/healthz status=200 ")

    named = {line.partition("|")[0].strip() for line in shown.splitlines() if "     | " in line or " | " in line}
    assert named >= {"up", "web", "valkey"}
    assert "secret=1" not in shown
    assert "method=GET path=/healthz status=200 " in (up.folder / "logs" / "web.log").read_text()


@once
def test_live_process_is_the_one_that_the_url_of_the_stream_names(up: Up) -> None:
    email, password = up.passwords()[0]
    token = httpx.post(f"{up.api}/auth/token", json={"email": email, "password": password}).json()["access"]

    ticket = httpx.post(f"{up.api}/video-jobs/events/ticket", headers={"Authorization": f"Bearer {token}"}).json()
    wait_until_healthy(int(up.live_port), process=up.process, output=up.shown)
    with httpx.stream("GET", ticket["url"]) as stream:
        first = next(stream.iter_lines())

    assert ticket["url"].startswith(f"http://localhost:{up.live_port}/api/v1/video-jobs/events?ticket=")
    assert (stream.status_code, first) == (200, "retry: 2000")


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
def test_only_its_own_account_can_read_what_it_writes(up: Up) -> None:
    assert stat.S_IMODE(up.folder.stat().st_mode) == 0o700
    written = [path for path in up.folder.rglob("*") if not path.name.startswith("shown-")]  # which is the test's
    assert {"db.sqlite3", "web.log"} <= {path.name for path in written}
    assert [path for path in written if path.lstat().st_mode & 0o077] == []
    assert stat.S_IMODE((up.folder / "valkey" / "url").stat().st_mode) == 0o600


@once
@pytest.mark.parametrize("part", PARTS)
def test_killed_part_is_restarted(up: Up, part: str) -> None:
    before = up.pid(part)
    restarts = up.shown().count(f"{part} was killed by SIGKILL")

    os.kill(before, signal.SIGKILL)

    up.wait_for(f"{part} was killed by SIGKILL; it starts again in ", times=restarts + 1)
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
    first.wait_for("Show your last video")
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
    assert len(family) >= 8  # six parts and two workers of gunicorn
    assert (left, url_was_kept) == ([], False)
    assert shown.strip().splitlines()[-1] == "up      | stopped"
    assert dict(second.passwords()) == passwords | {"demo@example.com": "(changed since it was created)"}
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
    shown = other.wait_for("AI Studio is ready:")
    responses = [httpx.get(f"http://localhost:{port}/healthz").json() for port in (up.port, other.port)]
    family = other.family()

    other.process.kill()
    other.process.wait()
    again = start("--no-demo", PORT=other.port)

    left = wait_until_gone(family, within_seconds=2)
    again.wait_for("AI Studio is ready:")
    assert responses == [{"status": "ok"}] * 2
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
def test_production_with_redis_starts_no_valkey_and_creates_no_accounts(start: Start) -> None:
    keys = {"SECRET_KEY": "s" * 50, "JWT_SIGNING_KEY": "j" * 64, "REDIS_URL": os.environ["REDIS_URL"]}
    up = start(ENVIRONMENT="production", ALLOWED_HOSTS="studio.example.com", **keys)

    shown = up.wait_for("Ctrl+C stops everything.")

    assert "@example.com" not in shown
    assert "valkey" not in shown
    assert [name for name in ("secrets", "valkey") if (up.folder / name).exists()] == []
