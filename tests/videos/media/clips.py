"""Encodes short MP4s of every kind that a provider could send."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

RATE = 24
CODECS: dict[str, tuple[str, dict[str, str], str]] = {
    "h264": ("libx264", {"preset": "ultrafast", "bf": "2"}, "avc1"),
    "hvc1": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}, "hvc1"),
    "hev1": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}, "hev1"),
    "av1": ("libsvtav1", {"preset": "10", "svtav1-params": "lp=1"}, "av01"),
}


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Parameters of an encoding."""

    codec: str = "h264"
    seconds: float = 1
    pictures: Sequence[Image.Image] = ()
    pix_fmt: str = "yuv420p"
    matrix: str = ""  # how the pictures become YUV, as swscale calls it; the file does not say so without `tags`
    tags: tuple[int, int, int, int] | None = None  # primaries, transfer, matrix and range, by ITU-T H.273
    rotation: int = 0
    pixel_ratio: Fraction | None = None
    sound: bool = True


def write(path: Path, clip: Clip) -> Path:
    """Encodes the clip; silence is its sound."""
    encoder, options, tag = CODECS[clip.codec]
    count = round(clip.seconds * RATE)
    pictures = clip.pictures or [Image.effect_noise((320, 180), 40).convert("RGB") for _ in range(count)]
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream(encoder, rate=RATE, options=options)
        video.width, video.height, video.pix_fmt = *pictures[0].size, clip.pix_fmt
        video.codec_context.codec_tag = tag
        _tag(video, clip)
        audio = container.add_stream("aac", rate=48_000, layout="mono") if clip.sound else None
        for number in range(count):
            container.mux(video.encode(_frame(pictures[number % len(pictures)], number, clip)))
        container.mux(video.encode(None))
        if audio:
            silence = av.AudioFrame("fltp", "mono", 48_000 * count // RATE, align=1)
            silence.planes[0].update(bytes(4 * silence.samples))
            silence.sample_rate, silence.pts = 48_000, 0
            container.mux(audio.encode(silence))
            container.mux(audio.encode(None))
    return path


def _tag(video: Any, clip: Clip) -> None:
    if clip.rotation:
        video.set_display_rotation(clip.rotation)
    if clip.pixel_ratio:
        video.codec_context.sample_aspect_ratio = clip.pixel_ratio
    if clip.tags:
        context = video.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = clip.tags


def _frame(picture: Image.Image, number: int, clip: Clip) -> av.VideoFrame:
    given = av.VideoFrame.from_image(picture)
    frame = given.reformat(format=clip.pix_fmt, dst_colorspace=clip.matrix or None)
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def bars(colours: Sequence[tuple[int, int, int]], size: tuple[int, int]) -> Image.Image:
    """Upright bars of equal width."""
    picture = Image.new("RGB", size)
    width = size[0] // len(colours)
    for number, colour in enumerate(colours):
        picture.paste(colour, (number * width, 0, (number + 1) * width, size[1]))
    return picture


def packets(path: Path) -> list[tuple[bytes, Fraction, bool]]:
    """The encoded pictures, each with its time in seconds and whether it is a key frame."""
    with av.open(str(path)) as container:
        return [
            (bytes(packet), packet.pts * packet.time_base, packet.is_keyframe)
            for packet in container.demux(video=0)
            if packet.size and packet.pts is not None
        ]


def sample_entry(path: Path) -> str:
    """The four characters that say how the first track is encoded."""
    data = path.read_bytes()
    at = data.index(b"stsd") + 16
    return data[at : at + 4].decode()


def flipped(path: Path) -> Path:
    """The same file with a display matrix that mirrors it."""
    data = bytearray(path.read_bytes())
    plain = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    at = data.index(plain, data.index(b"tkhd"))
    struct.pack_into(">9i", data, at, -0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
    return path


def with_hole(path: Path, *, share: float = 1) -> Path:
    """The same file, this share of a picture overwritten with zeros, in its middle; every box has its length."""
    data = bytearray(path.read_bytes())
    wanted = max((packet for packet, _, _ in packets(path)), key=len)
    length = int(len(wanted) * share)
    at = data.index(wanted) + (len(wanted) - length) // 2
    data[at : at + length] = bytes(length)
    path.write_bytes(data)
    return path
