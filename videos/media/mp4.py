"""Inspects MP4 files, takes their posters and removes their sound."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from videos.media import posters

_FIRST_BOXES = {b"ftyp", b"wide", b"free", b"skip", b"mdat", b"moov"}  # the last five in QuickTime's older files
# The box with a C2PA manifest, by its user type: spec.c2pa.org, 2.4, A.5.1
_PROVENANCE = uuid.UUID("d8fec3d6-1b0e-483c-9297-5828877ec481").bytes
_USUAL_RATIOS = ((16, 9), (9, 16), (1, 1), (4, 3), (3, 4), (3, 2), (2, 3), (5, 4), (4, 5), (21, 9))
_RATIO_TOLERANCE = 0.03  # encoders round sizes to blocks: 1920x1088, 640x368; the usual ratios differ by more
_POSTER_AT = 0.1  # share of the duration; videos tend to begin with black
# Unlike H.264's, the decoders of these codecs often decode a gap without an error. Valid data has no run of this many
# zeros: HEVC breaks up runs of three (H.265, 7.4.2), and AV1 uses arithmetic coding without padding in MP4
# (AV1-ISOBMFF, 2.4).
_LENIENT, _ZEROS = {"hevc", "av1"}, bytes(64)
# One decoder at a time per process: it takes 26 MiB and 0.5 s of CPU for 8 s in 1080p (measured), and a media worker
# has 16 threads.
_decoding = threading.Lock()


class NotAVideo(Exception):
    """The file is not an MP4 that plays from beginning to end; the message says why."""


@dataclass(frozen=True)
class VideoFacts:
    """The properties of an intact MP4. `width` and `height` are as displayed: rotated, and with square pixels."""

    width: int
    height: int
    duration_seconds: float
    fps: float
    codec: str
    has_audio: bool
    has_provenance: bool  # a C2PA manifest, which vouches for the bytes of this file
    size_bytes: int

    @property
    def aspect_ratio(self) -> str:
        """The usual ratio within 3 %, such as "16:9", else the exact one."""
        for width, height in _USUAL_RATIOS:
            if abs(self.width * height / (self.height * width) - 1) <= _RATIO_TOLERANCE:
                return f"{width}:{height}"
        exact = Fraction(self.width, self.height)
        return f"{exact.numerator}:{exact.denominator}"


def inspect(*, path: Path, is_copy: bool = False) -> VideoFacts:
    """Read and decode the whole file in bounded memory; of a copy by `without_audio` decode the first frame only.

    Raises NotAVideo for another format, and for a file without a picture, truncated or damaged.
    """
    kinds = _checked_boxes(path)
    _check_packets(path)
    if not is_copy:
        _check_video_track(path)
    with _opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None or first.is_corrupt:
            raise NotAVideo("its first frame cannot be decoded")
        if not stream.duration or not stream.time_base or not stream.average_rate:
            raise NotAVideo("it does not say how long it is")
        width, height = _shown_size(stream, first)
        return VideoFacts(
            width=width,
            height=height,
            duration_seconds=float(stream.duration * stream.time_base),
            fps=float(stream.average_rate),
            codec=stream.codec.canonical_name,
            has_audio=bool(container.streams.audio),
            has_provenance=_PROVENANCE in kinds,
            size_bytes=path.stat().st_size,
        )


def write_poster(*, path: Path, destination: Path) -> None:
    """Save an early frame as a JPEG. Raises NotAVideo if no frame can be decoded."""
    try:
        frame, pixel_ratio = _frame_at(path, _POSTER_AT)
    except NotAVideo:
        frame, pixel_ratio = _frame_at(path, 0)
    with _decoding:
        posters.save(frame=frame, pixel_ratio=pixel_ratio, destination=destination)


def without_audio(*, path: Path, destination: Path) -> None:
    """Copy the picture unchanged to an MP4 that plays while it downloads. Raises NotAVideo.

    Drops a C2PA manifest, because it has the hash of the whole file (docs/decisions/10).
    """
    options = {"movflags": "+faststart"}
    with _opened(path) as (source, picture), av.open(str(destination), "w", format="mp4", options=options) as target:
        # opaque: without an encoder, which would wait for frames (AV1) and write another sample entry
        try:
            copy = target.add_stream_from_template(picture, opaque=True)
        except ValueError as exc:  # an old QuickTime codec
            raise NotAVideo(f"its sound cannot be removed: {exc}") from exc
        copy.codec_context.codec_tag = picture.codec_context.codec_tag  # else hvc1 becomes hev1, which Apple rejects
        for packet in source.demux(picture):
            if packet.size:  # the last one is empty
                packet.stream = copy
                target.mux(packet)


def _shown_size(stream: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    width = round(stream.width * (stream.sample_aspect_ratio or 1))  # of a pixel; 0 or None if not stated
    return (stream.height, width) if frame.rotation % 180 == 90 else (width, stream.height)


def _checked_boxes(path: Path) -> list[bytes]:
    """The kinds of the file's boxes. Raises NotAVideo."""
    # ffmpeg does not report a missing end of a file whose index comes first
    size = path.stat().st_size
    kinds: list[bytes] = []
    offset = 0
    with path.open("rb") as file:
        while offset < size:
            kind, length = _read_box(file, offset, size)
            if b"moov" in kinds and not _is_box(kind):  # some tools append line breaks or zeros
                break
            kinds.append(kind)
            if kinds[0] not in _FIRST_BOXES or length < 8:
                raise NotAVideo("it is not an MP4")
            offset += length
    if not kinds:
        raise NotAVideo("it is empty")
    if offset > size or b"moov" not in kinds:
        raise NotAVideo("it was cut short")
    return kinds


def _is_box(kind: bytes) -> bool:
    """Whether this can be the kind of a box: four printable characters, or the 16 bytes of a user type."""
    return len(kind) == 16 or (len(kind) == 4 and all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind))


def _read_box(file: BinaryIO, offset: int, file_size: int) -> tuple[bytes, int]:
    """The kind and length of a top-level box: ISO/IEC 14496-12, 4.2. That of a `uuid` box is its user type."""
    file.seek(offset)
    header = file.read(32)
    length, kind, rest = int.from_bytes(header[:4]), header[4:8], header[8:]
    if length == 0:  # up to the end of the file
        length = file_size - offset
    elif length == 1:  # more than 32 bits
        length, rest = int.from_bytes(rest[:8]), rest[8:]
    return rest[:16] if kind == b"uuid" else kind, length


def _check_packets(path: Path) -> None:
    # with the edit list, ffmpeg would skip the hidden frames of a trimmed video, but still count them in `frames`
    with _opened(path, ignore_editlist="1") as (container, stream):
        count = 0
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise NotAVideo("it was cut short")
            count += bool(packet.size)
        if count == 0:
            raise NotAVideo("it has no frames")
        if count < stream.frames:
            raise NotAVideo(f"it was cut short: {count} of {stream.frames} frames")


def _check_video_track(path: Path) -> None:
    # a gap in the data has the right length, and its frames are listed; only decoding shows it
    with _decoding, _opened(path, ignore_editlist="1") as (container, stream):
        stream.codec_context.thread_count = 1  # more would need more memory, and the processor is shared
        codec = stream.codec.canonical_name
        packets = frames = 0
        for packet in container.demux(stream):
            packets += bool(packet.size)
            if codec in _LENIENT and _ZEROS in bytes(packet).rstrip(b"\0"):  # at its end they would be padding
                raise NotAVideo(f"its picture is damaged, from frame {frames} on")
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise NotAVideo(f"its picture is damaged, from frame {frames} on")
                frames += 1
        # dav1d silently skips data that is not AV1, and each sample of AV1 shows one frame (AV1-ISOBMFF, 2.4)
        if codec == "av1" and frames < packets:
            raise NotAVideo(f"its picture is damaged: {packets - frames} of {packets} frames show nothing")


def _frame_at(path: Path, share: float) -> tuple[VideoFrame, Fraction | None]:
    with _opened(path) as (container, stream):
        wanted = (stream.start_time or 0) + int((stream.duration or 0) * share)
        with suppress(av.FFmpegError):  # without seeking, it is decoded from the beginning
            container.seek(wanted, stream=stream)  # to the key frame before
        for frame in container.decode(stream):
            if frame.pts is None or frame.pts >= wanted:
                return frame, stream.sample_aspect_ratio
    raise NotAVideo("it has no frame to show")


@contextmanager
def _opened(path: Path, **options: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    # `format` is explicit: a disguised playlist could make ffmpeg fetch the URLs in it
    try:
        with av.open(
            str(path.absolute()), "r", format="mp4", container_options=options, metadata_errors="replace"
        ) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                raise NotAVideo("it has no picture")
            if getattr(stream, "codec_context", None) is None:  # None for an unknown codec, unlike in PyAV's stubs
                raise NotAVideo("its codec is unknown")
            yield container, stream
    except av.FFmpegError as exc:
        if isinstance(exc, OSError):  # the disk's fault, or ours
            raise
        raise NotAVideo(f"it cannot be read: {exc.strerror}") from exc
