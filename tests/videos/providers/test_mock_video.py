"""The frames and the sound of the mock provider's clips."""

from array import array
from pathlib import Path

import av
import pytest
from PIL import Image, ImageDraw, ImageStat

from tests.videos.providers.mock_clips import SIZE, clip, difference, frames_of, rendered
from videos.media import mp4
from videos.providers import mock_video

TOP = (0, 0, 320, 60)  # above the prompt, however long it is


BOTTOM = (0, 100, 320, 164)  # where it is written, above the progress bar


@pytest.mark.parametrize(("width", "height"), [(320, 180), (180, 320), (202, 114)])
@pytest.mark.parametrize("sound", [True, False])
def test_clip_is_as_requested(tmp_path: Path, width: int, height: int, sound: bool) -> None:
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
def test_clip_has_the_requested_length(tmp_path: Path, seconds: int) -> None:
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


def test_seed_selects_the_scene(tmp_path: Path) -> None:
    one, same, other = (rendered(tmp_path, seed=seed)[0] for seed in ("one", "one", "other"))

    assert difference(one, same) == 0
    assert difference(one, other, TOP) > 5


def test_prompt_is_written_on_the_frame(tmp_path: Path) -> None:
    first, second = (rendered(tmp_path, prompt=prompt)[0] for prompt in ("A gown", "A cloak and a hat"))

    assert difference(first, second, BOTTOM) > 1
    assert difference(first, second, TOP) < 0.5


@pytest.mark.parametrize(
    "prompt",
    ["", "wordy " * 666, "W" * 4000, "日本語のドレス👗", "مرحبا", "a\0b\ud800\x1b\n\u202e", "e" + "\u0301" * 3999],
    ids=["none", "long", "one word", "CJK", "Arabic", "control characters", "combining"],
)
def test_no_prompt_changes_the_rest_of_the_frame(tmp_path: Path, photo: Path, prompt: str) -> None:
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
