"""MP4 files as they arrive: whole, cut short, without sound, or something else altogether."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from videos.media import mp4

C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
WHOLE = mp4.VideoFacts(
    width=320,
    height=180,
    duration_seconds=1.2,
    fps=25.0,
    codec="h264",
    has_audio=True,
    has_provenance=False,
    size_bytes=0,
)


@pytest.fixture(scope="module")
def in_front(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film whose index precedes its data."""
    return film(tmp_path_factory.mktemp("films") / "front.mp4", noise(30), movflags="+faststart")


@pytest.fixture(scope="module")
def at_end(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film whose index follows its data."""
    return film(tmp_path_factory.mktemp("films") / "end.mp4", noise(30))


@pytest.fixture(params=["in_front", "at_end"])
def either(request: pytest.FixtureRequest) -> Path:
    """The one film, then the other."""
    path: Path = request.getfixturevalue(request.param)
    return path


def film(path: Path, pictures: list[Image.Image], *, sound: bool = True, **options: str) -> Path:
    """Encodes the pictures at 25 frames a second, with silence of the same length."""
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "bf": "2"})
        video.width, video.height, video.pix_fmt = *pictures[0].size, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono") if sound else None
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_bytes(picture.convert("RGBA").tobytes(), *picture.size, "rgba")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio:
            silence = av.AudioFrame("fltp", "mono", 1920 * len(pictures), align=1)
            silence.planes[0].update(bytes(4 * silence.samples))
            silence.sample_rate, silence.pts = 48_000, 0
            container.mux(audio.encode(silence))
            container.mux(audio.encode(None))
    return path


def noise(count: int) -> list[Image.Image]:
    """Pictures that cannot be compressed much, so that a cut hits one."""
    return [Image.effect_noise((320, 180), 40).convert("RGB") for _ in range(count)]


def top_level_boxes(path: Path) -> list[str]:
    """The kinds of box in the file, in their order."""
    data, kinds = path.read_bytes(), []
    while data:
        kinds.append(data[4:8].decode())
        data = data[int.from_bytes(data[:4]) :]
    return kinds


def pictures_of(path: Path) -> Iterator[bytes]:
    """The encoded pictures, in the order of the file."""
    with av.open(str(path)) as container:
        yield from [bytes(packet) for packet in container.demux(video=0) if packet.size]


def difference(left: Image.Image, right: Image.Image) -> float:
    """The mean difference of two pictures, from 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(left, right)).mean)


def refusal(path: Path) -> str:
    """What `inspect` has against the file."""
    with pytest.raises(mp4.NotAVideo) as refused:
        mp4.inspect(path=path)
    return str(refused.value)


def test_facts_of_a_whole_film_are_told(either: Path) -> None:
    facts = mp4.inspect(path=either)

    assert facts == replace(WHOLE, size_bytes=either.stat().st_size)


def test_film_without_sound_is_told_apart(tmp_path: Path) -> None:
    path = film(tmp_path / "silent.mp4", noise(30), sound=False)

    facts = mp4.inspect(path=path)

    assert facts == replace(WHOLE, has_audio=False, size_bytes=path.stat().st_size)


def test_fragmented_film_is_accepted(tmp_path: Path) -> None:
    path = film(tmp_path / "fragments.mp4", noise(30), movflags="frag_keyframe+empty_moov")

    facts = mp4.inspect(path=path)

    assert (facts.width, facts.height, facts.fps, facts.has_audio) == (320, 180, 25.0, True)
    assert facts.duration_seconds == pytest.approx(1.2)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_film_cut_short_is_refused(either: Path, tmp_path: Path, share: float) -> None:
    whole = either.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int(share * len(whole))])

    assert refusal(cut) == "it was cut short"


def test_film_without_its_last_byte_is_refused(either: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(either.read_bytes()[:-1])

    assert refusal(cut) == "it was cut short"


@pytest.mark.parametrize(
    ("whole_frames", "more_bytes", "reason"),
    [(20, 0, "it was cut short: 20 of 30 frames"), (20, 99, "it was cut short"), (0, 0, "it has no frames")],
)
def test_missing_frames_are_noticed_where_the_boxes_look_whole(
    tmp_path: Path, whole_frames: int, more_bytes: int, reason: str
) -> None:
    path = film(tmp_path / "film.mp4", noise(30), sound=False, movflags="+faststart")
    whole = path.read_bytes()
    data_box = whole.index(b"mdat") - 4
    end = whole.index(list(pictures_of(path))[whole_frames]) + more_bytes
    path.write_bytes(whole[:data_box] + b"\0\0\0\0" + whole[data_box + 4 : end])  # 0: as long as the file

    assert refusal(path) == reason


@pytest.mark.parametrize(
    ("starts_at", "reason"), [(5120, None), (0x7FFFFFFF, "its first frame cannot be decoded")], ids=["some", "all"]
)
def test_film_may_hide_some_of_its_frames_but_not_all(
    in_front: Path, tmp_path: Path, starts_at: int, reason: str | None
) -> None:
    whole = in_front.read_bytes()
    media_time = whole.index(b"elst") + 16  # in the edit list of the picture
    path = tmp_path / "trimmed.mp4"
    path.write_bytes(whole[:media_time] + starts_at.to_bytes(4) + whole[media_time + 4 :])

    if reason is None:
        assert mp4.inspect(path=path).duration_seconds == 1.2
    else:
        assert refusal(path) == reason


def test_film_without_a_length_is_refused(in_front: Path, tmp_path: Path) -> None:
    whole = in_front.read_bytes()
    length = whole.index(b"mdhd") + 20
    path = tmp_path / "endless.mp4"
    path.write_bytes(whole[:length] + bytes(4) + whole[length + 4 :])

    assert refusal(path) == "it does not say how long it is"


def test_film_with_64_bit_lengths_is_accepted(in_front: Path, tmp_path: Path) -> None:
    whole = in_front.read_bytes()
    rest = tmp_path / "long.mp4"
    rest.write_bytes(whole + b"\0\0\0\1free" + (20).to_bytes(8) + b"much")

    facts = mp4.inspect(path=rest)

    assert facts == replace(WHOLE, size_bytes=len(whole) + 20)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"<html>not found</html>", "it is not an MP4"),
        (b"\0\0\0\x04ftyp", "it is not an MP4"),
        (b"\0\0\0\x10ftypisom\0\0\2\0", "it was cut short"),
        (b"\0\0\0\x10ftypisom\0\0\2\0\0\0\0\x08moov", "it has no picture"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)

    assert refusal(path) == reason


def test_other_container_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "video.mkv", noise(3))

    assert refusal(path) == "it is not an MP4"


def test_playlist_is_not_followed(in_front: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "video.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\n{in_front}\n#EXT-X-ENDLIST\n")

    assert refusal(playlist) == "it is not an MP4"


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        silence = av.AudioFrame("fltp", "mono", 4800, align=1)
        silence.planes[0].update(bytes(4 * silence.samples))
        silence.sample_rate = 48_000
        container.mux([*audio.encode(silence), *audio.encode(None)])

    assert refusal(path) == "it has no picture"


def test_film_without_frames_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "fragments.mp4", noise(3), sound=False, movflags="frag_keyframe+empty_moov")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moof") - 4])

    assert refusal(path) == "it has no frames"


def test_film_whose_first_frame_is_damaged_is_refused(in_front: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    first = next(pictures_of(in_front))
    path.write_bytes(in_front.read_bytes().replace(first, b"\xff" * len(first)))

    assert refusal(path).startswith(("its first frame cannot be decoded", "it cannot be read"))


def test_unknown_codec_is_refused(in_front: Path, tmp_path: Path) -> None:
    path = tmp_path / "unknown.mp4"
    path.write_bytes(in_front.read_bytes().replace(b"avc1", b"zzzz"))

    assert refusal(path) == "its codec is unknown"


def test_missing_file_is_not_taken_for_a_bad_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mp4.inspect(path=tmp_path / "nothing.mp4")


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
    path, silent = tmp_path / "film.mp4", tmp_path / "silent.mp4"
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
def test_film_is_measured_as_a_player_shows_it(
    tmp_path: Path, pixel: Fraction, rotation: int, size: tuple[int, int], ratio: str
) -> None:
    path, silent = tmp_path / "film.mp4", tmp_path / "silent.mp4"
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


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ((1920, 1080), "16:9"),
        ((1920, 1088), "16:9"),
        ((854, 480), "16:9"),
        ((640, 368), "16:9"),
        ((1080, 1920), "9:16"),
        ((1024, 1024), "1:1"),
        ((720, 900), "4:5"),
        ((2560, 1080), "21:9"),
        ((1000, 500), "2:1"),
        ((1150, 1000), "23:20"),
    ],
)
def test_ratio_is_named_as_people_name_it(size: tuple[int, int], ratio: str) -> None:
    assert replace(WHOLE, width=size[0], height=size[1]).aspect_ratio == ratio


def test_film_loses_its_sound_and_nothing_else(either: Path, tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"

    mp4.without_audio(path=either, destination=silent)

    facts = mp4.inspect(path=silent)
    assert facts == replace(WHOLE, has_audio=False, size_bytes=silent.stat().st_size)
    assert list(pictures_of(silent)) == list(pictures_of(either))
    assert [box for box in top_level_boxes(silent) if box in {"moov", "mdat"}] == ["moov", "mdat"]


def test_sound_of_a_text_file_cannot_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("not a film")

    with pytest.raises(mp4.NotAVideo, match="it cannot be read"):
        mp4.without_audio(path=path, destination=tmp_path / "silent.mp4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_full_disk_is_not_taken_for_a_bad_film(in_front: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        mp4.without_audio(path=in_front, destination=Path("/dev/full"))


def test_poster_shows_what_follows_the_beginning(tmp_path: Path) -> None:
    colours = ["black"] * 2 + ["red"] * 2 + ["blue"] * 21
    path = film(tmp_path / "film.mp4", [Image.new("RGB", (320, 180), colour) for colour in colours], sound=False)
    poster = tmp_path / "poster.jpg"

    mp4.write_poster(path=path, destination=poster)

    with Image.open(poster) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (320, 180))
        assert difference(picture, Image.new("RGB", (320, 180), "red")) < 6


def test_poster_of_a_single_frame_is_that_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", [Image.new("RGB", (1600, 400), "red")], sound=False)
    poster = tmp_path / "poster"

    mp4.write_poster(path=path, destination=poster)

    with Image.open(poster) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1280, 320))
        assert difference(picture, Image.new("RGB", (1280, 320), "red")) < 6


def test_film_without_a_frame_has_no_poster(tmp_path: Path) -> None:
    path = film(tmp_path / "fragments.mp4", noise(3), sound=False, movflags="frag_keyframe+empty_moov")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moof") - 4])

    with pytest.raises(mp4.NotAVideo, match="it has no frame to show"):
        mp4.write_poster(path=path, destination=tmp_path / "poster.jpg")

    assert not (tmp_path / "poster.jpg").exists()
