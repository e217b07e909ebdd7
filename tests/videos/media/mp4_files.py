"""MP4 files that tests encode, and what is in them."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageChops, ImageStat

from videos.media import mp4

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


def encode(path: Path, pictures: list[Image.Image], *, sound: bool = True, **options: str) -> Path:
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


def packets_of(path: Path) -> Iterator[bytes]:
    """The encoded pictures, in the order of the file."""
    with av.open(str(path)) as container:
        yield from [bytes(packet) for packet in container.demux(video=0) if packet.size]


def difference(left: Image.Image, right: Image.Image) -> float:
    """The mean difference of two pictures, from 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(left, right)).mean)
