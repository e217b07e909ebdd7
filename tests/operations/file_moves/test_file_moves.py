"""Files are moved between the folder and Cloudinary, and read from where they are."""

import json
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError
from django.db.models.functions import Now

from accounts.models import User
from looks.models import Look
from operations.file_moves import health_check, mover
from studio.media.storage import disposal
from studio.media.storage.base import StorageError
from studio.models import Disposal
from studio.observability.health import Health
from tests.conftest import MakeUser, SignIn
from tests.fakes.cloudinary import FakeCloudinary
from tests.fixtures.video_jobs import MakeJob, Use
from tests.operations.file_moves.moved_files import CONTENTS, contents, fill, move, names, read, sweep_all
from tests.studio.media.cloudinary_files import VIDEO, stored_bytes
from videos.deletion import delete
from videos.models import VideoJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


@pytest.mark.parametrize(("before", "after"), [("local", "cloudinary"), ("cloudinary", "local")])
def test_files_of_every_kind_are_moved(
    use: Use, ann: User, make_job: MakeJob, fake: FakeCloudinary, tmp_path: Path, before: str, after: str
) -> None:
    use(before)
    fill(ann, make_job)
    old = names()
    use(after)
    counted = move("--to", after, "--dry-run")

    assert contents() == CONTENTS  # before anything is moved
    assert move("--to", after, "--limit", "2")[1].startswith("2 files moved")
    assert contents() == CONTENTS
    assert move("--to", after) == (0, f"4 files moved ({sum(map(len, CONTENTS[2:])) / 1e6:,.1f} MB).\n")
    assert move("--to", after) == (0, "0 files moved (0.0 MB).\n")

    moved = names()
    assert counted[1].endswith("6 files are in the former storage.\n")
    assert [name.startswith("http") for name in moved] == [after == "cloudinary"] * 6
    use(before)
    assert [read(name) for name in old] == CONTENTS  # URLs that clients have
    use(after)
    assert [row.due_at > row.created_at for row in Disposal.objects.all()] == [True] * 6
    assert disposal.sweep() == 0
    assert sweep_all() == 6
    assert contents() == CONTENTS
    left = [path for path in (tmp_path / "media").rglob("*") if path.is_file()]
    assert (len(left), len(fake.account.files)) == ((0, 6) if after == "cloudinary" else (6, 0))


def test_file_that_is_moved_back_is_not_removed(use: Use, ann: User, make_job: MakeJob) -> None:
    use("local")
    fill(ann, make_job)
    for there in ("cloudinary", "local", "cloudinary"):
        use(there)
        assert move("--to", there)[0] == 0

    assert sweep_all() == 6
    assert contents() == CONTENTS


def test_files_in_the_former_storage_are_read_and_removed(
    use: Use, ann: User, sign_in: SignIn, make_job: MakeJob, tmp_path: Path, fake: FakeCloudinary
) -> None:
    use("local")
    job = fill(ann, make_job)
    use("cloudinary")

    client = sign_in(ann)
    shown = client.get(f"/api/v1/video-jobs/{job.pk}").json()
    got = client.get(f"/api/v1/video-jobs/{job.pk}/download")
    assert shown["cloudinaryUrl"].endswith(f"/media/videos/{job.pk}.mp4")
    assert b"".join(client.get(f"/media/videos/{job.pk}.mp4")) == b"".join(got) == VIDEO
    delete(job_id=job.pk)
    disposal.sweep()

    assert not (tmp_path / "media" / "videos" / f"{job.pk}.mp4").exists()
    assert not fake.account.files


def test_files_of_a_lost_account_are_still_delivered(
    use: Use, ann: User, make_job: MakeJob, fake: FakeCloudinary
) -> None:
    use("cloudinary")
    job = fill(ann, make_job)
    use("local alone")

    assert contents() == CONTENTS
    assert default_storage.url(str(job.video.name)) == job.video.name
    with pytest.raises(StorageError, match="see CLOUDINARY_PREVIOUS_URL"):
        default_storage.delete(str(job.video.name))
    with pytest.raises(CommandError, match="Set CLOUDINARY_PREVIOUS_URL to the account"):
        move("--to", "local")
    assert len(fake.account.files) == 6


def test_target_must_be_the_storage_of_the_settings(use: Use) -> None:
    for setting, to in (("local", "cloudinary"), ("cloudinary", "local")):
        use(setting)
        with pytest.raises(CommandError, match="New files still go to the other storage"):
            move("--to", to)
        with pytest.raises(CommandError, match="New files still go to the other storage"):
            move("--to", to, "--dry-run")


def test_copy_that_differs_changes_nothing(use: Use, ann: User, make_job: MakeJob, fake: FakeCloudinary) -> None:
    use("local")
    job = fill(ann, make_job)
    VideoJob.objects.filter(pk=job.pk).update(poster="")
    use("cloudinary")
    other = fake.account.store("video", {"public_id": "other"}, VIDEO + b"x")
    fake.script("upload", json.dumps(other), times=2)

    status, output = move("--to", "cloudinary", "--limit", "1")

    assert (status, f"VideoJob {job.pk}: videos/{job.pk}.mp4 is not moved: its copy has other bytes" in output) == (
        1,
        True,
    )
    assert VideoJob.objects.get(pk=job.pk).video.name == f"videos/{job.pk}.mp4"
    assert Disposal.objects.get().name == f"cloudinary:videos/{job.pk}.mp4"  # what came of it goes


def test_file_whose_digest_differs_from_its_row_is_not_moved(use: Use, ann: User, make_job: MakeJob) -> None:
    use("local")
    job = fill(ann, make_job)
    VideoJob.objects.filter(pk=job.pk).update(video_sha256="ab")
    use("cloudinary")

    status, output = move("--to", "cloudinary")

    assert (status, "its SHA-256 is not that of its row" in output, "5 files moved" in output) == (1, True, True)


def test_row_that_changes_meanwhile_keeps_its_change(use: Use, ann: User, make_job: MakeJob) -> None:
    use("local")
    fill(ann, make_job)
    use("cloudinary")

    def change(moves: mover.Moves, sentence: str) -> None:
        Look.objects.update(image="looks/a/new.png", updated_at=Now())

    moves = mover.move_files(to="cloudinary", limit=4, on_progress=change)

    assert (moves.counts["moved"], Look.objects.get().image.name) == (3, "looks/a/new.png")


def test_storage_that_fails_ends_the_run(
    use: Use, ann: User, make_job: MakeJob, fake: FakeCloudinary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mover, "FAILED_IN_A_ROW", 3)
    use("local")
    fill(ann, make_job)
    use("cloudinary")
    fake.script("upload", "401", times=99)

    with pytest.raises(CommandError, match="3 files in a row could not be moved"):
        move("--to", "cloudinary")

    assert [name.startswith("http") for name in names()] == [False] * 6


def test_files_of_another_account_stay(use: Use, ann: User, make_job: MakeJob, fake: FakeCloudinary) -> None:
    use("cloudinary")
    job = fill(ann, make_job)
    foreign = str(job.video.name).replace("/demo/", "/other/")
    VideoJob.objects.filter(pk=job.pk).update(video=foreign)
    use("local")

    assert move("--to", "local") == (0, "5 files moved (0.0 MB), 1 of another account or folder stay there.\n")
    assert VideoJob.objects.get(pk=job.pk).video.name == foreign
    assert len(stored_bytes(fake)) == 6


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_limit_is_a_number(number: str) -> None:
    with pytest.raises(CommandError, match="a whole number from 1 on"):
        move("--to", "local", f"--limit={number}")


def test_doctor_counts_files_in_the_former_storage(use: Use, ann: User, make_job: MakeJob) -> None:
    use("local")
    fill(ann, make_job)
    output = {}
    for setting in ("local", "cloudinary"):
        use(setting)
        output[setting] = health_check.finding()
    move("--to", "cloudinary")
    for setting in ("cloudinary", "local", "local alone"):
        use(setting)
        output[f"moved, {setting}"] = health_check.finding()

    count = "Of the newest 10,000 rows, 1 of 1 videos and 1 of 1 look pictures are"
    assert {name: (finding.health, finding.sentence) for name, finding in output.items()} == {
        "local": (Health.OK, "The newest rows name files in the configured storage."),
        "cloudinary": (
            Health.DEGRADED,
            f"{count} in DATA_DIR/media, though CLOUDINARY_URL is set. "
            "Run manage.py move_files --to cloudinary; see docs/storage.md.",
        ),
        "moved, cloudinary": (Health.OK, "The newest rows name files in the configured storage."),
        "moved, local": (
            Health.DEGRADED,
            f"{count} at Cloudinary. Run manage.py move_files --to local; see docs/storage.md.",
        ),
        "moved, local alone": (
            Health.DEGRADED,
            f"{count} at Cloudinary, though CLOUDINARY_URL is unset. Was it lost? Otherwise set "
            "CLOUDINARY_PREVIOUS_URL and run manage.py move_files --to local; see docs/storage.md.",
        ),
    }
