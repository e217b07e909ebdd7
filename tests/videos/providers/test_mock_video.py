"""The clips of the mock provider, and the process that makes them."""

import os
import signal
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from videos.media import mp4
from videos.providers import mock_video
from videos.providers.mock_video import Clip, RenderError

ROOT = Path(mock_video.__file__).parents[2]
SIZE = (320, 180)
TOP = (0, 0, 320, 60)  # above the prompt, however long it is
BOTTOM = (0, 100, 320, 164)  # where it is written, above the progress bar

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def clip(folder: Path, **changes: object) -> Clip:
    """A second of silent video, or what the changes make of it."""
    usual: Clip = {
        "destination": folder / "clip.mp4",
        "width": SIZE[0],
        "height": SIZE[1],
        "duration_seconds": 1,
        "generate_audio": False,
        "prompt": "A model in a silk gown walks along a colonnade",
        "first_frame": None,
        "seed": "job",
    }
    return {**usual, **changes}  # type: ignore[typeddict-item] # mypy cannot follow the changes


def rendered(folder: Path, **changes: object) -> list[Image.Image]:
    """The frames of the clip, as a player shows them."""
    wanted = clip(folder, **changes)
    mock_video.render(**wanted)
    return frames_of(wanted["destination"])


def frames_of(path: Path) -> list[Image.Image]:
    """All frames of a small video."""
    with av.open(str(path)) as container:
        frames = [frame.reformat(format="rgb24") for frame in container.decode(video=0)]
    return [
        Image.frombytes("RGB", (frame.width, frame.height), bytes(plane), "raw", "RGB", plane.line_size)
        for frame in frames
        for plane in frame.planes
    ]


def difference(left: Image.Image, right: Image.Image, box: tuple[int, int, int, int] = (0, 0, *SIZE)) -> float:
    """The mean difference of two pictures inside the box, from 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(left.crop(box), right.crop(box))).mean)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A square photo of four colours."""
    picture = Image.new("RGB", (640, 640), "crimson")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((320, 0, 640, 320), fill="gold")
    draw.rectangle((0, 320, 320, 640), fill="teal")
    draw.rectangle((320, 320, 640, 640), fill="navy")
    picture.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize(("width", "height"), [(320, 180), (180, 320), (202, 114)])
@pytest.mark.parametrize("sound", [True, False])
def test_clip_is_what_was_asked_for(tmp_path: Path, width: int, height: int, sound: bool) -> None:
    wanted = clip(tmp_path, width=width, height=height, generate_audio=sound)

    mock_video.render(**wanted)

    path = wanted["destination"]
    assert mp4.inspect(path=path) == mp4.VideoFacts(
        width=width,
        height=height,
        duration_seconds=1.0,
        fps=24.0,
        codec="h264",
        has_audio=sound,
        has_provenance=False,
        size_bytes=path.stat().st_size,
    )
    assert len(frames_of(path)) == 24


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [4, 8])
def test_clip_lasts_exactly_as_long_as_asked_for(tmp_path: Path, seconds: int) -> None:
    wanted = clip(tmp_path, width=64, height=64, duration_seconds=seconds, generate_audio=True)

    mock_video.render(**wanted)

    with av.open(str(wanted["destination"])) as container:
        lengths = {
            stream.type: float(stream.duration * stream.time_base)
            for stream in container.streams
            if stream.duration and stream.time_base
        }
        assert container.streams.video[0].frames == 24 * seconds
    assert lengths == {"video": seconds, "audio": pytest.approx(seconds, abs=0.1)}


def test_sound_is_gentle_and_fades_in_and_out(tmp_path: Path) -> None:
    wanted = clip(tmp_path, generate_audio=True, duration_seconds=2)

    mock_video.render(**wanted)

    with av.open(str(wanted["destination"])) as container:
        samples = array(
            "f", b"".join(bytes(frame.planes[0])[: 4 * frame.samples] for frame in container.decode(audio=0))
        )
        levels = [max(map(abs, part)) for part in parts(samples.tolist(), 20)]
        assert (container.streams.audio[0].codec.name, container.streams.audio[0].rate) == ("aac", 48_000)
    assert levels[0] < 0.05
    assert levels[-1] < 0.05
    assert 0.1 < max(levels) < 0.5


def parts(samples: list[float], count: int) -> list[list[float]]:
    """The samples in so many parts of the same length."""
    length = len(samples) // count
    return [samples[start : start + length] for start in range(0, length * count, length)]


def test_clip_plays_while_it_downloads(tmp_path: Path) -> None:
    wanted = clip(tmp_path)

    mock_video.render(**wanted)

    data = wanted["destination"].read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_silk_moves(tmp_path: Path) -> None:
    frames = rendered(tmp_path)

    assert difference(frames[0], frames[-1], TOP) > 20
    assert difference(frames[0], frames[1], TOP) < 10


def test_seed_decides_on_the_picture(tmp_path: Path) -> None:
    one, same, other = (rendered(tmp_path, seed=seed)[0] for seed in ("one", "one", "other"))

    assert difference(one, same) == 0
    assert difference(one, other, TOP) > 5


def test_prompt_is_written_on_the_picture(tmp_path: Path) -> None:
    first, second = (rendered(tmp_path, prompt=prompt)[0] for prompt in ("A gown", "A cloak and a hat"))

    assert difference(first, second, BOTTOM) > 1
    assert difference(first, second, TOP) < 0.5


@pytest.mark.parametrize(
    "prompt",
    ["", "wordy " * 666, "W" * 4000, "日本語のドレス👗", "مرحبا", "a\0b\ud800\x1b\n\u202e", "e" + "\u0301" * 3999],
    ids=["none", "long", "one word", "CJK", "Arabic", "control characters", "combining"],
)
def test_any_prompt_leaves_the_rest_of_the_picture_alone(tmp_path: Path, photo: Path, prompt: str) -> None:
    frames = rendered(tmp_path, prompt=prompt, first_frame=photo)

    assert len(frames) == 24
    assert difference(frames[-1], rendered(tmp_path, prompt="A gown", first_frame=photo)[-1], TOP) < 0.5


def test_only_the_beginning_of_a_long_prompt_is_shown(tmp_path: Path, photo: Path) -> None:
    beginning = "one two three four " * 30
    prompts = (beginning + "five", beginning + "six, and much more")

    one, other = (rendered(tmp_path, prompt=prompt, first_frame=photo)[-1] for prompt in prompts)

    assert difference(one, other) == 0
    assert difference(one, rendered(tmp_path, prompt="one two", first_frame=photo)[-1], BOTTOM) > 1


def test_accents_are_left_out_rather_than_the_letters(tmp_path: Path, photo: Path) -> None:
    prompts = ("Élan: une robe brodée", "Elan: une robe brodee")

    accented, plain = (rendered(tmp_path, prompt=prompt, first_frame=photo)[-1] for prompt in prompts)

    assert difference(accented, plain) == 0


def test_video_begins_with_the_first_frame_and_nothing_on_it(tmp_path: Path, photo: Path) -> None:
    frames = rendered(tmp_path, first_frame=photo)

    with Image.open(photo) as picture:
        cover = picture.resize(SIZE, box=(0, 140, 640, 500))
    assert difference(frames[0], cover) < 4
    assert difference(frames[-1], cover, BOTTOM) > 30


def test_video_slowly_approaches_the_first_frame(tmp_path: Path, photo: Path) -> None:
    lines = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(lines).rectangle((100, 0, 220, 180), fill="black")
    lines.save(photo)

    frames = rendered(tmp_path, first_frame=photo)

    dark = [ImageStat.Stat(frame.crop((0, 60, 320, 61)).convert("L")).mean[0] for frame in (frames[0], frames[-1])]
    assert dark[0] * 0.9 < dark[1] < dark[0] * 0.98


def test_transparent_first_frame_lies_on_white(tmp_path: Path, photo: Path) -> None:
    Image.new("RGBA", (50, 50), (255, 0, 0, 0)).save(photo)

    frames = rendered(tmp_path, first_frame=photo)

    assert difference(frames[0], Image.new("RGB", SIZE, "white")) < 4


def test_sideways_first_frame_is_turned_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (180, 320), "navy")
    picture.paste("gold", (0, 0, 90, 320))
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned clockwise
    picture.save(tmp_path / "sideways.jpg", exif=exif)

    first = rendered(tmp_path, first_frame=tmp_path / "sideways.jpg")[0]

    assert difference(first, Image.new("RGB", SIZE, "gold"), (0, 0, 320, 80)) < 4
    assert difference(first, Image.new("RGB", SIZE, "navy"), (0, 100, 320, 180)) < 4


@pytest.mark.parametrize("changes", [{"width": 321}, {"height": 0}, {"duration_seconds": 0}])
def test_impossible_clip_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    wanted = clip(tmp_path, **changes)

    with pytest.raises(ValueError, match="cannot render"):
        mock_video.render(**wanted)

    assert not wanted["destination"].exists()


@pytest.mark.slow
def test_encoder_makes_the_same_clip(tmp_path: Path, photo: Path) -> None:
    wanted = clip(tmp_path, first_frame=photo, prompt="\U0001f457\ud800" * 2000, generate_audio=True)
    frames = rendered(tmp_path, **wanted)
    wanted["destination"].unlink()

    mock_video.run_encoder(timeout_seconds=60, **wanted)

    assert [difference(*pair) for pair in zip(frames, frames_of(wanted["destination"]), strict=True)] == [0] * 24


@pytest.mark.slow
def test_failure_is_reported_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    wanted = clip(tmp_path, first_frame=tmp_path / "text.png")

    with pytest.raises(RenderError, match=r"^UnidentifiedImageError: cannot identify image file"):
        mock_video.run_encoder(timeout_seconds=60, **wanted)

    assert not wanted["destination"].exists()


def test_encoder_that_does_not_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(RenderError, match="the encoder could not be started: No such file or directory"):
        mock_video.run_encoder(timeout_seconds=60, **clip(tmp_path))


@linux
@pytest.mark.slow
def test_slow_encoder_is_stopped_and_leaves_no_file(tmp_path: Path) -> None:
    wanted = clip(tmp_path, duration_seconds=3600)
    started = time.monotonic()

    with pytest.raises(RenderError, match="the encoder took longer than 1 s"):
        mock_video.run_encoder(timeout_seconds=1, **wanted)

    assert time.monotonic() - started < 10
    assert not wanted["destination"].exists()
    assert encoders_of(os.getpid()) == []


@linux
@pytest.mark.slow
def test_encoders_take_turns(tmp_path: Path) -> None:
    clips = [clip(tmp_path, destination=tmp_path / f"{number}.mp4", duration_seconds=4) for number in range(3)]
    threads = [
        threading.Thread(target=lambda one=one: mock_video.run_encoder(timeout_seconds=60, **one)) for one in clips
    ]
    most = 0

    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(encoders_of(os.getpid())))
        time.sleep(0.01)

    assert most == 1
    assert [mp4.inspect(path=one["destination"]).duration_seconds for one in clips] == [4.0, 4.0, 4.0]


@linux
@pytest.mark.slow
def test_encoder_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from videos.providers import mock_video;"
        f"mock_video.run_encoder(timeout_seconds=600, destination=Path({str(tmp_path / 'clip.mp4')!r}), width=320,"
        "height=180, duration_seconds=3600, generate_audio=False, prompt='', first_frame=None, seed='')"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as parent:
        wait_until(lambda: encoders_of(parent.pid) and (tmp_path / "clip.mp4").exists())
        (encoder,) = encoders_of(parent.pid)

        parent.send_signal(signal.SIGKILL)

    wait_until(lambda: not is_encoder(encoder))


@pytest.mark.slow
def test_process_complains_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "videos.providers.mock_video"],
        input=b"not JSON\n",
        capture_output=True,
        cwd=ROOT,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n"


def encoders_of(parent: int) -> list[int]:
    """The encoders that the process started and that still run."""
    everyone = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [process for process in everyone if is_encoder(process) and parent_of(process) == parent]


def is_encoder(process: int) -> bool:
    """Whether it runs; what has ended has no command line."""
    try:
        return b"videos.providers.mock_video" in Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent_of(process: int) -> int | None:
    """Its parent's id, if it is there still."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def wait_until(is_so: Callable[[], object]) -> None:
    """Returns as soon as it is so; fails after 20 seconds."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
