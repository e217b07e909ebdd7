"""The default video of a look: at most one, also under concurrent changes."""

import random
import threading
import uuid
from typing import Any

import pytest
from django.db import connection, transaction

from looks import use_cases
from looks.defaults import NotLinked, set_default, unset_default
from looks.models import LookVideo
from studio.errors import NotFound
from tests.conftest import MakeUser
from tests.fixtures.looks import MakeLook, MakeVideo


def defaults() -> list[uuid.UUID]:
    return list(LookVideo.objects.filter(is_default=True).values_list("video_id", flat=True))


@pytest.fixture
def ann(make_user: MakeUser) -> Any:
    return make_user()


def test_link_is_made_once_and_is_no_default(ann: Any, make_look: MakeLook, make_video: MakeVideo) -> None:
    look, video = make_look(ann), make_video(ann)

    for _ in range(2):
        use_cases.link(look_id=look.pk, video_id=video.pk)

    assert list(LookVideo.objects.values_list("look_id", "video_id", "is_default")) == [(look.pk, video.pk, False)]


def test_link_to_a_look_that_is_gone_is_refused(ann: Any, make_video: MakeVideo) -> None:
    video = make_video(ann)

    with pytest.raises(NotFound):
        use_cases.link(look_id=uuid.uuid4(), video_id=video.pk)


def test_new_default_takes_the_place_of_the_old_one(ann: Any, make_look: MakeLook, make_video: MakeVideo) -> None:
    look, neighbour = make_look(ann), make_look(ann)
    old, new = make_video(ann, look=look, is_default=True), make_video(ann, look=look)
    other = make_video(ann, look=neighbour, is_default=True)

    for _ in range(2):
        set_default(look_id=look.pk, video_id=new.pk, user=ann)

    assert set(defaults()) == {new.pk, other.pk}
    assert LookVideo.objects.filter(video=old).exists()


def test_one_video_can_be_the_default_of_two_looks(ann: Any, make_look: MakeLook, make_video: MakeVideo) -> None:
    look, second = make_look(ann), make_look(ann)
    video = make_video(ann, look=look, is_default=True)
    use_cases.link(look_id=second.pk, video_id=video.pk)

    set_default(look_id=second.pk, video_id=video.pk, user=ann)

    assert defaults() == [video.pk, video.pk]


def test_default_is_unset_again_and_again(ann: Any, make_look: MakeLook, make_video: MakeVideo) -> None:
    look = make_look(ann)
    video, bystander = make_video(ann, look=look, is_default=True), make_video(ann, look=look)

    unset_default(look_id=look.pk, video_id=bystander.pk, user=ann)
    assert defaults() == [video.pk]

    for _ in range(2):
        unset_default(look_id=look.pk, video_id=video.pk, user=ann)
    assert defaults() == []


@pytest.mark.parametrize("change", [set_default, unset_default])
def test_video_of_another_look_is_refused(ann: Any, make_look: MakeLook, make_video: MakeVideo, change: Any) -> None:
    look = make_look(ann)
    old, other = make_video(ann, look=look, is_default=True), make_video(ann, look=make_look(ann))

    with pytest.raises(NotLinked) as refusal:
        change(look_id=look.pk, video_id=other.pk, user=ann)

    assert (refusal.value.message, refusal.value.code) == ("Video is not associated with this look", "not_linked")
    assert defaults() == [old.pk]
    with pytest.raises(NotFound):
        change(look_id=uuid.uuid4(), video_id=old.pk, user=ann)


def test_deleted_video_leaves_the_look_without_a_default(ann: Any, make_look: MakeLook, make_video: MakeVideo) -> None:
    look = make_look(ann)
    video, other = make_video(ann, look=look, is_default=True), make_video(ann, look=look)

    video.delete()

    assert list(look.look_videos.values_list("video_id", "is_default")) == [(other.pk, False)]


def run_at_once(*calls: Any) -> list[BaseException]:
    """Run each call in its own thread, all at once; returns the exceptions."""
    failures: list[BaseException] = []
    start = threading.Barrier(len(calls))

    def run(call: Any) -> None:
        try:
            start.wait()
            call()
        except BaseException as exc:
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_calls_at_once_end_with_one_default(
    make_user: MakeUser, make_look: MakeLook, make_video: MakeVideo
) -> None:
    ann = make_user()
    look = make_look(ann, image=None)
    videos = [make_video(ann, look=look) for _ in range(20)]

    for _ in range(3):
        failures = run_at_once(
            *[lambda pk=video.pk: set_default(look_id=look.pk, video_id=pk, user=ann) for video in videos]
        )

        assert failures == []
        assert len(defaults()) == 1
    assert LookVideo.objects.count() == 20


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_deletions_between_the_calls_do_no_harm(
    make_user: MakeUser, make_look: MakeLook, make_video: MakeVideo
) -> None:
    ann = make_user()
    look = make_look(ann, image=None)
    videos = [make_video(ann, look=look, is_default=number == 0) for number in range(20)]

    def remove(video: Any) -> None:
        with transaction.atomic():
            video.delete()

    calls = [lambda pk=video.pk: set_default(look_id=look.pk, video_id=pk, user=ann) for video in videos]
    calls += [lambda video=video: remove(video) for video in videos[:10]]
    random.shuffle(calls)
    failures = run_at_once(*calls)

    assert {type(failure) for failure in failures} <= {NotLinked}
    assert LookVideo.objects.count() == 10
    assert len(defaults()) <= 1
