"""Copies of MP4 files without sound, and their posters."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from tests.videos.media.mp4_files import WHOLE, difference, encode, noise, packets_of
from videos.media import mp4

C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def top_level_boxes(path: Path) -> list[str]:
    """The kinds of box in the file, in their order."""
    data, kinds = path.read_bytes(), []
    while data:
        kinds.append(data[4:8].decode())
        data = data[int.from_bytes(data[:4]) :]
    return kinds


def box(kind: bytes, content: bytes, *, is_long: bool = False) -> bytes:
    """A top-level box, with its length in 32 or in 64 bits."""
    if is_long:
        return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8) + content
    return (8 + len(content)).to_bytes(4) + kind + content


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize(("user_type", "expected"), [(C2PA, True), (b"\0" * 16, False)])
def test_manifest_of_its_provenance_is_noticed_and_stays_behind_with_the_sound(
    in_front: Path, tmp_path: Path, user_type: bytes, expected: bool, is_long: bool
) -> None:
    whole = in_front.read_bytes()
    manifest = box(b"uuid", user_type + b"\0\0\0\0manifest\0", is_long=is_long)
    path, silent = tmp_path / "video.mp4", tmp_path / "silent.mp4"
    path.write_bytes(whole + manifest)

    mp4.without_audio(path=path, destination=silent)

    assert mp4.inspect(path=path) == replace(WHOLE, has_provenance=expected, size_bytes=len(whole) + len(manifest))
    assert mp4.inspect(path=silent).has_provenance is False


@pytest.mark.parametrize(
    ("pixel", "rotation", "size", "ratio"),
    [
        (Fraction(1), 0, (320, 180), "16:9"),
        (Fraction(1), 90, (180, 320), "9:16"),
        (Fraction(1), -90, (180, 320), "9:16"),
        (Fraction(1), 180, (320, 180), "16:9"),
        (Fraction(3, 4), 0, (240, 180), "4:3"),
        (Fraction(3, 4), 90, (180, 240), "3:4"),
    ],
)
def test_video_is_measured_as_a_player_shows_it(
    tmp_path: Path, pixel: Fraction, rotation: int, size: tuple[int, int], ratio: str
) -> None:
    path, silent = tmp_path / "video.mp4", tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.codec_context.sample_aspect_ratio = pixel
        video.set_display_rotation(rotation)
        for number in range(3):
            frame = av.VideoFrame(320, 180, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))

    mp4.without_audio(path=path, destination=silent)

    shown = [mp4.inspect(path=each) for each in (path, silent)]
    assert [(facts.width, facts.height, facts.aspect_ratio) for facts in shown] == [(*size, ratio)] * 2


def test_video_loses_its_sound_and_nothing_else(either: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"

    mp4.without_audio(path=either, destination=silent)

    facts = mp4.inspect(path=silent)
    assert facts == replace(WHOLE, has_audio=False, size_bytes=silent.stat().st_size)
    assert list(packets_of(silent)) == list(packets_of(either))
    assert [box for box in top_level_boxes(silent) if box in {"moov", "mdat"}] == ["moov", "mdat"]


def test_sound_of_a_text_file_cannot_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("not a video")

    with pytest.raises(mp4.NotAVideo, match="it cannot be read"):
        mp4.without_audio(path=path, destination=tmp_path / "silent.mp4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_full_disk_is_not_called_a_bad_video(in_front: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        mp4.without_audio(path=in_front, destination=Path("/dev/full"))


def test_poster_shows_what_follows_the_beginning(tmp_path: Path) -> None:
    colours = ["black"] * 2 + ["red"] * 2 + ["blue"] * 21
    path = encode(tmp_path / "video.mp4", [Image.new("RGB", (320, 180), colour) for colour in colours], sound=False)
    poster = tmp_path / "poster.jpg"

    mp4.write_poster(path=path, destination=poster)

    with Image.open(poster) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (320, 180))
        assert difference(picture, Image.new("RGB", (320, 180), "red")) < 6


def test_poster_of_a_single_frame_is_that_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "video.mp4", [Image.new("RGB", (1600, 400), "red")], sound=False)
    poster = tmp_path / "poster"

    mp4.write_poster(path=path, destination=poster)

    with Image.open(poster) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1280, 320))
        assert difference(picture, Image.new("RGB", (1280, 320), "red")) < 6


def test_video_without_a_frame_has_no_poster(tmp_path: Path) -> None:
    path = encode(tmp_path / "fragments.mp4", noise(3), sound=False, movflags="frag_keyframe+empty_moov")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moof") - 4])

    with pytest.raises(mp4.NotAVideo, match="it has no frame to show"):
        mp4.write_poster(path=path, destination=tmp_path / "poster.jpg")

    assert not (tmp_path / "poster.jpg").exists()
