"""Saves a frame of a video as a player shows it: in sRGB, upright and with square pixels."""

import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.video.frame import VideoFrame
from PIL import Image

_SIDE = 1280  # pixels
_QUALITY = 85

# Code points of ITU-T H.273
_UNSPECIFIED = 2
_BT2020, _P3_DCI, _P3_D65 = 9, 11, 12
_PQ, _HLG = 16, 18
_WIDE_PRIMARIES, _HDR = {_BT2020, _P3_DCI, _P3_D65}, {_PQ, _HLG}
_HD_SIDE = 720  # pixels of the shorter side; players take untagged video from this size on for BT.709

# The signs of a, b, c and d in the display matrix (ISO/IEC 14496-12, 6.2.2), and Pillow's operation for each.
_TURNS = {
    (1, 0, 0, 1): None,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}


def save(*, frame: VideoFrame, pixel_ratio: Fraction | None, destination: Path) -> None:
    """Save the frame as a JPEG of at most 1280 pixels a side. `pixel_ratio` is a pixel's width divided by its height.

    A frame in HDR or wide-gamut colours costs 2 to 4 s of CPU at any size (measured), for the conversion table.
    """
    width, height = frame.width * float(pixel_ratio or 1), float(frame.height)
    scale = min(_SIDE / max(width, height), 1)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    try:
        picture = _image(_in_srgb(frame, size))
    except av.FFmpegError:  # unusable colour tags: slightly wrong colours are better than no poster
        picture = _image(_in_srgb(_without_tags(frame), size))
    turn = _turn(frame)
    upright = picture if turn is None else picture.transpose(turn)
    upright.save(destination, "JPEG", quality=_QUALITY)


def _without_tags(frame: VideoFrame) -> VideoFrame:
    frame.colorspace = frame.color_primaries = frame.color_trc = _UNSPECIFIED
    return frame


def _in_srgb(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """The frame in RGB at this size. BT.709's transfer curve stays, as in players."""
    options: dict[str, Any] = {"w": size[0], "h": size[1], "flags": "bicubic", "threads": 1}
    if frame.colorspace == _UNSPECIFIED:
        options["in_color_matrix"] = "bt709" if min(frame.width, frame.height) >= _HD_SIDE else "bt601"
    if frame.color_trc in _HDR:  # "perceptual" maps its brightness to a standard screen
        options |= {"out_primaries": "bt709", "out_transfer": "iec61966-2-1", "intent": "perceptual"}
    elif frame.color_primaries in _WIDE_PRIMARIES:
        options["out_primaries"] = "bt709"
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1)
    )
    scale = graph.add("scale", ":".join(f"{name}={value}" for name, value in options.items()))
    chain = [source, scale, graph.add("format", "rgb24"), graph.add("buffersink")]
    for one, other in pairwise(chain):
        one.link_to(other)
    graph.configure()
    graph.push(frame)
    graph.push(None)
    made = graph.pull()
    assert isinstance(made, VideoFrame)
    return made


def _image(frame: VideoFrame) -> Image.Image:
    plane = frame.planes[0]
    return Image.frombytes("RGB", (frame.width, frame.height), bytes(plane), "raw", "RGB", plane.line_size)


def _turn(frame: VideoFrame) -> Image.Transpose | None:
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return None
    a, b, _, c, d, *_ = struct.unpack("<9i", bytes(matrix))
    signs = tuple((value > 0) - (value < 0) for value in (a, b, c, d))
    return _TURNS.get(signs)  # only right angles are supported
