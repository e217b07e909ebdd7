"""A full disk is one coded response, and leaves nothing behind: on a small file system, and in a small database."""

import errno
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError, connection
from django.test import RequestFactory

from accounts.models import LedgerEntry, TokenAccount
from studio.api.views import server_error
from studio.env import PROJECT
from studio.media import full_disk
from studio.media.storage.local import LocalStorage
from tests.conftest import MakeUser, SignIn
from videos.models import VideoJob

JOBS = "/api/v1/video-jobs"

# In a process of its own, whose mounts no other process sees.
FILL_AND_ASK = """
import base64, io, json, os, random, tempfile
from pathlib import Path
from django.core.management import call_command
from PIL import Image
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken
from accounts.models import LedgerEntry, TokenAccount
from accounts.registration import create_user
from django.conf import settings
from looks.models import Look
from studio.media.storage import disposal
from studio.models import Disposal
from videos.models import JobInput, VideoJob

settings.ALLOWED_HOSTS = ["testserver"]
call_command("migrate", verbosity=0)
full = Path(os.environ["FULL"])
ann = create_user(email="ann@example.com", password="x", tokens=1000)
api = APIClient(raise_request_exception=False)
api.credentials(HTTP_AUTHORIZATION=f"Bearer {RefreshToken.for_user(ann).access_token}")
out = io.BytesIO()
Image.frombytes("RGB", (1100, 1000), random.Random(7).randbytes(3_300_000)).save(out, "PNG")
PNG = out.getvalue()
look = api.post("/api/v1/looks", {"title": "x"}).json()["id"]

def picture():
    file = io.BytesIO(PNG)
    file.name = "x.png"
    return file

KEY = {"headers": {"Idempotency-Key": "the-key"}}
ORDER = {"prompt": "x", "mockMode": "true", "durationSeconds": "4"}
data = "data:image/png;base64," + base64.b64encode(PNG).decode()
ASKED = {
    "create": lambda: api.post("/api/v1/video-jobs", {**ORDER, "initialImage": picture()}, format="multipart", **KEY),
    "look from JSON": lambda: api.post("/api/v1/looks", {"title": "y", "generatedImageBase64": data}, format="json"),
    "look": lambda: api.post("/api/v1/looks", {"title": "y", "generatedImage": picture()}, format="multipart"),
    "change of a look": lambda: api.patch(f"/api/v1/looks/{look}", {"generatedImage": picture()}, format="multipart"),
}

def state():
    files = sorted(str(path.relative_to(full)) for path in full.rglob("*") if path.is_file() and path.name != "filler")
    rows = [model.objects.count() for model in (VideoJob, JobInput, Look)]
    charges = LedgerEntry.objects.filter(kind="charge").count()
    return {"files": files, "rows": rows, "charges": charges, "balance": TokenAccount.objects.get().balance}

def fill():
    with (full / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

tempfile.gettempdir()  # chosen while there was room, as in a server that runs
fill()
responses = {}
for name, ask in ASKED.items():
    response = ask()
    responses[name] = [response.status_code, response.json() if "json" in response["Content-Type"] else "page",
        response.headers.get("Retry-After"), state()]
(full / "filler").unlink()
Disposal.objects.update(due_at="2026-01-01T00:00Z")
disposal.sweep()
after = ASKED["create"]()
print(json.dumps([responses, [after.status_code, after.json(), state()["balance"]]]))
"""


def ask_on_full_disk(tmp_path: Path, full: Path) -> tuple[dict[str, Any], Any]:
    """The responses while the file system mounted at `full`, of 12 MB, is full, and once it is not."""
    full.mkdir(parents=True)
    shell = (
        f'mount -t tmpfs -o size=12m none "$FULL" && exec {sys.executable} manage.py shell --no-imports -c "$SCRIPT"'
    )
    environment = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": "", "SCRIPT": FILL_AND_ASK, "FULL": str(full)}
    if full.name == "tmp":
        environment["TMPDIR"] = str(full)
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", shell],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    responses, after = json.loads(done.stdout.splitlines()[-1])
    return responses, after


def can_mount() -> bool:
    probe = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(probe, capture_output=True, check=False).returncode == 0


REFUSED = [
    503,
    {"detail": "There is no room on the server to store this. Please try again later.", "code": "storage_full"},
    "60",
    {"files": [], "rows": [0, 0, 1], "charges": 0, "balance": 1000},
]


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
@pytest.mark.parametrize("where", ["data/media", "tmp"])
def test_full_disk_is_one_response_and_leaves_nothing(tmp_path: Path, where: str) -> None:
    responses, after = ask_on_full_disk(tmp_path, tmp_path / where)

    assert responses == dict.fromkeys(("create", "look from JSON", "look", "change of a look"), REFUSED)
    assert (after[0], after[1].get("status"), after[2]) == (202, "PENDING", 950)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no limit that a test can set")
def test_full_database_is_the_same_response(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE filler (bytes BLOB)")
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    try:
        with suppress(OperationalError), connection.cursor() as cursor:
            while True:  # pages that earlier tests have freed are filled first
                cursor.execute("INSERT INTO filler VALUES (zeroblob(4000))")
        for _ in range(3):  # a page or two may be left
            response = client.post(JOBS, {"prompt": "x" * 4000, "mockMode": "true"})
            if response.status_code != 202:
                break
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
            cursor.execute("DROP TABLE filler")

    assert (response.status_code, response.json().get("code"), response["Retry-After"]) == (503, "storage_full", "60")
    jobs = VideoJob.objects.count()
    assert LedgerEntry.objects.filter(kind="charge").count() == jobs
    assert TokenAccount.objects.get().balance == 1000 - 50 * jobs


class Breaking(ContentFile):  # type: ignore[type-arg]
    """A file whose second part cannot be written."""

    def chunks(self, chunk_size: int | None = None) -> Any:
        yield b"the first part"
        raise OSError(errno.ENOSPC, "No space left on device")


def test_part_of_a_file_does_not_stay(tmp_path: Path) -> None:
    storage = LocalStorage(location=str(tmp_path), allow_overwrite=True)
    storage.save("videos/1.mp4", ContentFile(b"whole"))

    with pytest.raises(OSError, match="No space left"):
        storage.save("videos/1.mp4", Breaking(b"another"))

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["1.mp4"]
    with storage.open("videos/1.mp4") as file:
        assert file.read() == b"whole"


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError(errno.EACCES, "x"), False),
        (OperationalError("database or disk is full"), False),  # a message decides nothing
    ],
)
def test_full_disk_is_recognised(exc: Exception, *, expected: bool) -> None:
    assert full_disk.is_full(exc) is expected


def test_full_disk_of_postgresql_is_recognised() -> None:
    psycopg = pytest.importorskip("psycopg")
    exc = OperationalError("could not extend file")
    exc.__cause__ = psycopg.errors.DiskFull("could not extend file")

    assert full_disk.is_full(exc)


def test_page_outside_the_api_gets_the_same_response() -> None:
    try:
        os.write(os.open("/dev/full", os.O_WRONLY), b"x")
    except OSError:
        response = server_error(RequestFactory().post("/admin/"))

    assert (response.status_code, json.loads(response.content), response["Retry-After"]) == (503, REFUSED[1], "60")
    assert server_error(RequestFactory().post("/admin/")).status_code == 500
