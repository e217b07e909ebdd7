"""During the move of a file its row changes, removals fall due, and other runs move it too."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.models import User
from looks.models import Look, Product
from looks.use_cases import update_look
from operations.reconciliation.stray_files import stray_names
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob, Use
from tests.operations.file_moves.moved_files import CONTENTS, contents, fill, move, names, sweep_all
from tests.studio.media.cloudinary_files import JPEG
from videos.models import from_now
from videos.phases import Phase

on_postgresql = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


@pytest.mark.django_db
def test_copy_that_was_removed_meanwhile_is_made_again(use: Use, ann: User, make_job: MakeJob) -> None:
    use("local")
    fill(ann, make_job)
    use("cloudinary")
    swept = []

    def sweep_first(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "videos_videojob"') and not swept:  # the copy waited for longer than it may
            swept.append(Disposal.objects.update(due_at=from_now(-1)))
            swept.append(disposal.sweep())
        return execute(sql, *rest)

    with connection.execute_wrapper(sweep_first):
        status, _ = move("--to", "cloudinary")

    assert (status, swept) == (0, [1, 1])
    assert [name.startswith("http") for name in names()] == [True] * 6
    sweep_all()
    assert contents() == CONTENTS


@pytest.mark.django_db
def test_copy_in_progress_is_no_stray(use: Use, ann: User, make_job: MakeJob) -> None:
    use("cloudinary")
    job = fill(ann, make_job)
    use("local")
    name = f"videos/{job.pk}.mp4"
    disposal.register(f"local:{name}", "local:videos/older.mp4")  # as `move_files` does before it stores the copy

    assert list(stray_names([name, "videos/older.mp4", "videos/stray.mp4"])) == ["videos/stray.mp4"]


@pytest.mark.django_db
def test_files_that_are_lost_do_not_end_the_run(use: Use, ann: User, make_job: MakeJob) -> None:
    use("local")
    for number in range(12):
        make_job(ann, phase=Phase.SUCCEEDED, video=f"videos/lost-{number}.mp4", video_sha256="")
    fill(ann, make_job)
    use("cloudinary")

    status, output = move("--to", "cloudinary")

    assert (status, output.count("is not moved"), output.startswith("6 files moved")) == (1, 12, True)
    assert output.splitlines()[0].endswith(", 12 not moved.")


@pytest.mark.django_db
def test_machine_without_the_files_is_named(use: Use) -> None:
    use("cloudinary")

    with pytest.raises(CommandError, match=r"There is no folder .*/media on this machine"):
        move("--to", "cloudinary")


class _Slowly(list[Any]):
    """Products whose second read, under the look's lock, waits for `during`."""

    def __init__(self, products: list[Any], during: Any) -> None:
        super().__init__(products)
        self.during, self.readings = during, 0

    def __iter__(self) -> Iterator[Any]:
        self.readings += 1
        if self.readings == 2:
            self.during()
        return super().__iter__()


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_change_of_a_look_meanwhile_loses_no_picture(use: Use, ann: User, make_job: MakeJob) -> None:
    use("cloudinary")
    fill(ann, make_job)
    use("local")
    product = Product.objects.get()
    Look.objects.update(image="", thumbnail="")
    moving = threading.Thread(target=_move_here)

    def during() -> None:
        moving.start()
        moving.join(2)  # it waits for the look, or would be over

    products = _Slowly([{"id": product.pk, "name": "Hat"}], during)
    update_look(look_id=product.look_id, products=products)
    moving.join()

    product.refresh_from_db()
    assert (product.name, str(product.thumbnail)) == ("Hat", "looks/a/q.jpg")
    sweep_all()
    with default_storage.open(str(product.thumbnail)) as file:
        assert file.read() == JPEG


def _move_here() -> None:
    move("--to", "local")
    connection.close()


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_move_waits_for_the_removal_of_a_former_copy(use: Use, ann: User, make_job: MakeJob) -> None:
    use("local")
    job = fill(ann, make_job)
    use("cloudinary")
    name = f"cloudinary:videos/{job.pk}.mp4"
    disposal.register(name)
    is_claimed, is_over = threading.Event(), threading.Event()

    def claim() -> None:
        with transaction.atomic():
            Disposal.objects.filter(name=name).update(attempts=1, updated_at=Now())
            is_claimed.set()
            is_over.wait(1)
        connection.close()

    sweeper = threading.Thread(target=claim)
    sweeper.start()
    is_claimed.wait()
    status, output = move("--to", "cloudinary", "--limit", "1")
    is_over.set()
    sweeper.join()

    assert (status, "is being removed" in output) == (1, True)
    assert Disposal.objects.get(name=name).attempts == 1
