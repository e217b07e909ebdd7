"""Inspection of MP4 files: intact, truncated, damaged or of another format."""

from dataclasses import replace
from pathlib import Path

import av
import pytest

from tests.videos.media.mp4_files import WHOLE, encode, noise, packets_of
from videos.media import mp4


def refusal(path: Path) -> str:
    """The fault that `inspect` finds in the file."""
    with pytest.raises(mp4.NotAVideo) as refused:
        mp4.inspect(path=path)
    return str(refused.value)


def test_facts_of_an_intact_video(either: Path) -> None:
    facts = mp4.inspect(path=either)

    assert facts == replace(WHOLE, size_bytes=either.stat().st_size)


def test_video_without_sound_has_no_audio(tmp_path: Path) -> None:
    path = encode(tmp_path / "silent.mp4", noise(30), sound=False)

    facts = mp4.inspect(path=path)

    assert facts == replace(WHOLE, has_audio=False, size_bytes=path.stat().st_size)


def test_fragmented_video_is_accepted(tmp_path: Path) -> None:
    path = encode(tmp_path / "fragments.mp4", noise(30), movflags="frag_keyframe+empty_moov")

    facts = mp4.inspect(path=path)

    assert (facts.width, facts.height, facts.fps, facts.has_audio) == (320, 180, 25.0, True)
    assert facts.duration_seconds == pytest.approx(1.2)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_video_cut_short_is_refused(either: Path, tmp_path: Path, share: float) -> None:
    whole = either.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int(share * len(whole))])

    assert refusal(cut) == "it was cut short"


def test_video_without_its_last_byte_is_refused(either: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(either.read_bytes()[:-1])

    assert refusal(cut) == "it was cut short"


@pytest.mark.parametrize(
    ("whole_frames", "more_bytes", "reason"),
    [(20, 0, "it was cut short: 20 of 30 frames"), (20, 99, "it was cut short"), (0, 0, "it has no frames")],
)
def test_missing_frames_are_noticed_where_the_boxes_are_complete(
    tmp_path: Path, whole_frames: int, more_bytes: int, reason: str
) -> None:
    path = encode(tmp_path / "video.mp4", noise(30), sound=False, movflags="+faststart")
    whole = path.read_bytes()
    data_box = whole.index(b"mdat") - 4
    end = whole.index(list(packets_of(path))[whole_frames]) + more_bytes
    path.write_bytes(whole[:data_box] + b"\0\0\0\0" + whole[data_box + 4 : end])  # 0: as long as the file

    assert refusal(path) == reason


@pytest.mark.parametrize(
    ("starts_at", "reason"), [(5120, None), (0x7FFFFFFF, "its first frame cannot be decoded")], ids=["some", "all"]
)
def test_video_may_hide_some_of_its_frames_but_not_all(
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


def test_video_without_a_length_is_refused(in_front: Path, tmp_path: Path) -> None:
    whole = in_front.read_bytes()
    length = whole.index(b"mdhd") + 20
    path = tmp_path / "endless.mp4"
    path.write_bytes(whole[:length] + bytes(4) + whole[length + 4 :])

    assert refusal(path) == "it does not say how long it is"


def test_video_with_64_bit_lengths_is_accepted(in_front: Path, tmp_path: Path) -> None:
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
    path = encode(tmp_path / "video.mkv", noise(3))

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


def test_video_without_frames_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "fragments.mp4", noise(3), sound=False, movflags="frag_keyframe+empty_moov")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moof") - 4])

    assert refusal(path) == "it has no frames"


def test_video_whose_first_frame_is_damaged_is_refused(in_front: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    first = next(packets_of(in_front))
    path.write_bytes(in_front.read_bytes().replace(first, b"\xff" * len(first)))

    assert refusal(path).startswith(("its first frame cannot be decoded", "it cannot be read"))


def test_unknown_codec_is_refused(in_front: Path, tmp_path: Path) -> None:
    path = tmp_path / "unknown.mp4"
    path.write_bytes(in_front.read_bytes().replace(b"avc1", b"zzzz"))

    assert refusal(path) == "its codec is unknown"


def test_missing_file_is_not_called_a_bad_video(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mp4.inspect(path=tmp_path / "nothing.mp4")


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
def test_usual_ratios_have_their_usual_names(size: tuple[int, int], ratio: str) -> None:
    assert replace(WHOLE, width=size[0], height=size[1]).aspect_ratio == ratio
