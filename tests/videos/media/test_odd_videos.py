"""Unusual videos: a playable one is stored with the packets of its source, a broken one ends the job."""

import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from django.core.files.storage import default_storage

from tests.conftest import MakeUser
from tests.fakes.google import FakeGoogle
from tests.fixtures.video_jobs import ORDER, make_due
from tests.videos.engine.test_paid_path import drive
from tests.videos.media import clips
from tests.videos.media.clips import Clip
from videos import creation
from videos.engine import schedule, transfer
from videos.media import mp4
from videos.models import VideoJob
from videos.phases import Phase
from videos.recovery import adoption

pytestmark = pytest.mark.slow
SILENT = replace(ORDER, mock_mode=False, generate_audio=False)
PLAYABLE = {
    "h264": Clip(seconds=4),
    "h264 in 10 bits": Clip(seconds=4, pix_fmt="yuv420p10le"),
    "hvc1": Clip(codec="hvc1", seconds=4),
    "hev1": Clip(codec="hev1", seconds=4),
    "av1": Clip(codec="av1", seconds=4),
    "rotated": Clip(seconds=4, rotation=90),
    "upside down": Clip(seconds=4, rotation=180),
    "wide pixels": Clip(seconds=4, pixel_ratio=Fraction(4, 3)),
    "tagged bt709": Clip(seconds=4, tags=(1, 1, 1, 1)),
    "0.1 s longer": Clip(seconds=4.1),
}
TAILS = {"line break": b"\r\n", "zeros": bytes(5), "more zeros": bytes(64), "line breaks": b"\r\n" * 8}


def stored(job: VideoJob) -> Path:
    return Path(default_storage.path(str(job.video.name)))


@pytest.mark.django_db
@pytest.mark.timeout(60)  # AV1 with sound once waited for its encoder for ever
@pytest.mark.parametrize("kind", PLAYABLE)
def test_video_without_its_sound_has_the_packets_of_its_source(
    google: FakeGoogle, make_user: MakeUser, tmp_path: Path, kind: str
) -> None:
    source = clips.write(tmp_path / "source.mp4", PLAYABLE[kind])
    google.account.video = source.read_bytes()

    job = drive(creation.create(owner=make_user(), job_request=SILENT))

    assert (job.phase, job.error_code) == (Phase.SUCCEEDED, "")
    before, after = mp4.inspect(path=source), mp4.inspect(path=stored(job))
    assert after == replace(before, has_audio=False, size_bytes=after.size_bytes)
    assert clips.packets(stored(job)) == clips.packets(source)
    assert clips.sample_entry(stored(job)) == clips.sample_entry(source) == clips.CODECS[PLAYABLE[kind].codec][2]


@pytest.mark.django_db
@pytest.mark.parametrize("tail", TAILS)
def test_bytes_after_the_last_box_do_no_harm(
    google: FakeGoogle, make_user: MakeUser, tmp_path: Path, tail: str
) -> None:
    source = clips.write(tmp_path / "source.mp4", Clip(seconds=4, sound=False))
    source.write_bytes(source.read_bytes() + TAILS[tail])
    google.account.video = source.read_bytes()

    job = drive(creation.create(owner=make_user(), job_request=SILENT))

    assert (job.phase, stored(job).read_bytes()) == (Phase.SUCCEEDED, source.read_bytes())


@pytest.mark.parametrize("share", [0.05, 0.5, 1])
@pytest.mark.parametrize("codec", clips.CODECS)
def test_gap_in_the_data_is_noticed(tmp_path: Path, codec: str, share: float) -> None:
    path = clips.with_hole(clips.write(tmp_path / "hole.mp4", Clip(codec=codec)), share=share)

    with pytest.raises(mp4.NotAVideo, match=r"damaged|cannot be read"):
        mp4.inspect(path=path)


def test_box_after_the_index_that_is_cut_short_is_no_tail(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "cut.mp4", Clip(sound=False))
    path.write_bytes(path.read_bytes() + struct.pack(">I4s", 100, b"free") + bytes(50))

    with pytest.raises(mp4.NotAVideo, match="cut short"):
        mp4.inspect(path=path)


@pytest.fixture
def broken(google: FakeGoogle, tmp_path: Path) -> bytes:
    """The video that Google has: with a hole."""
    path = clips.with_hole(clips.write(tmp_path / "hole.mp4", Clip(seconds=4)))
    google.account.video = path.read_bytes()
    return google.account.video


@pytest.fixture
def try_once(make_user: MakeUser) -> Callable[[], VideoJob]:
    """A job at its transfer; each call is one more try."""
    job = drive(creation.create(owner=make_user(tokens=1000), job_request=SILENT), rounds=2)
    assert job.phase == Phase.STORING

    def transfer_now() -> VideoJob:
        make_due(job)
        transfer.transfer(job_id=str(job.pk))
        job.refresh_from_db()
        return job

    return transfer_now


def pass_time(job: VideoJob, seconds: float) -> None:
    """As if the first of the broken files had come so much earlier."""
    result = job.broken_result
    assert result
    VideoJob.objects.filter(pk=job.pk).update(broken_result=result | {"since": result["since"] - seconds})


@pytest.mark.django_db
def test_same_broken_bytes_over_some_minutes_end_the_job(broken: bytes, try_once: Callable[[], VideoJob]) -> None:
    first = try_once()
    assert (first.phase, first.broken_result and first.broken_result["times"]) == (Phase.STORING, 1)
    pass_time(first, schedule.BROKEN_SECONDS)
    assert try_once().phase == Phase.STORING  # twice may be an accident

    job = try_once()

    account = job.owner.token_account
    account.refresh_from_db()
    assert (job.phase, job.error_code, job.slot, job.tokens_refunded) == (Phase.FAILED, "invalid_video", None, 50)
    assert account.balance == 1000
    assert [line.message for line in job.logs.order_by("timestamp", "id")][-2:] == [
        "The video service delivered a file that cannot be played.",
        "Your 50 tokens were returned.",
    ]


@pytest.mark.django_db
def test_many_tries_within_a_moment_do_not_end_the_job(broken: bytes, try_once: Callable[[], VideoJob]) -> None:
    jobs = [try_once() for _ in range(schedule.BROKEN_TIMES + 2)]

    assert {job.phase for job in jobs} == {Phase.STORING}


@pytest.mark.django_db
def test_other_broken_bytes_begin_a_new_count(
    google: FakeGoogle, broken: bytes, try_once: Callable[[], VideoJob]
) -> None:
    for _ in range(schedule.BROKEN_TIMES):
        job = try_once()
    pass_time(job, schedule.BROKEN_SECONDS)
    google.account.video = broken[:-1]

    job = try_once()

    assert (job.phase, job.broken_result and job.broken_result["times"]) == (Phase.STORING, 1)


@pytest.mark.django_db
def test_failure_to_fetch_keeps_the_count(google: FakeGoogle, broken: bytes, try_once: Callable[[], VideoJob]) -> None:
    try_once()
    before = try_once().broken_result
    google.script("download", "503", times=1)

    job = try_once()

    assert (job.phase, job.broken_result) == (Phase.STORING, before)


@pytest.mark.django_db
def test_video_that_arrives_intact_later_is_delivered(
    google: FakeGoogle, broken: bytes, try_once: Callable[[], VideoJob], tmp_path: Path
) -> None:
    try_once()
    whole = clips.write(tmp_path / "whole.mp4", Clip(seconds=4, sound=False))
    google.account.video = whole.read_bytes()

    job = try_once()

    assert (job.phase, stored(job).read_bytes()) == (Phase.SUCCEEDED, whole.read_bytes())


@pytest.mark.django_db
def test_staff_can_adopt_the_operation_of_a_broken_video(
    google: FakeGoogle, broken: bytes, try_once: Callable[[], VideoJob], tmp_path: Path
) -> None:
    pass_time(try_once(), schedule.BROKEN_SECONDS)
    try_once()
    job = try_once()
    google.account.video = clips.write(tmp_path / "whole.mp4", Clip(seconds=4, sound=False)).read_bytes()

    adoption.adopt_operation(job_id=job.pk, operation=job.operation, actor=None)
    job = drive(job)

    assert (job.phase, job.broken_result, job.tokens_refunded) == (Phase.SUCCEEDED, None, 50)


def test_codec_that_mp4_cannot_carry_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "prores.mov"
    with av.open(str(path), "w", format="mov") as container:
        video = container.add_stream("prores", rate=24)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv422p10le"
        container.mux(video.encode(av.VideoFrame(320, 180, "yuv422p10le")))
        container.mux(video.encode(None))

    with pytest.raises(mp4.NotAVideo, match="sound cannot be removed"):
        mp4.without_audio(path=path, destination=tmp_path / "silent.mp4")
