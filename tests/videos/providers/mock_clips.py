"""Clips of the mock provider, and comparisons of their frames."""

from pathlib import Path

import av
from PIL import Image, ImageChops, ImageStat

from videos.providers import mock_video
from videos.providers.mock_video import Clip

SIZE = (320, 180)


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
