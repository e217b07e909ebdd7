"""Encodes the mock provider's clips: H.264 of moving silk, or of the first frame, with the prompt written on it.

As a process (`python -m videos.providers.mock_video`) it reads one line of JSON, and exits when its stdin closes.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Unpack, cast

import av
from av.codec.context import ThreadType

from videos.providers.mock_scene import FPS, SAMPLE_RATE, SHOWN_CHARACTERS, Clip, chord, frames

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
# One encoder uses as many threads as the smallest server has cores; a second one would starve the web workers.
_one_encoder = threading.Semaphore(1)


class RenderError(Exception):
    """The clip could not be rendered; the message says why."""


def run_encoder(*, timeout_seconds: float, **clip: Unpack[Clip]) -> None:
    """Render the clip in a niced process that dies with this one. Waiting for a turn does not count as time.

    Raises RenderError, and leaves no file, if the process fails or takes too long.
    """
    request = {
        **clip,
        "destination": str(clip["destination"].resolve()),
        "prompt": clip["prompt"][: SHOWN_CHARACTERS + 1],  # one more, so that the scene knows that it is cut
        "first_frame": clip["first_frame"] and str(clip["first_frame"].resolve()),
    }
    try:
        with _one_encoder:
            _encode_in_child(json.dumps(request).encode() + b"\n", timeout_seconds)
    except OSError as exc:
        raise RenderError(f"the encoder could not be started: {exc.strerror}") from exc
    except BaseException:  # RQ's time-out is an exception, too
        clip["destination"].unlink(missing_ok=True)
        raise


def _encode_in_child(request: bytes, timeout_seconds: float) -> None:
    command = [sys.executable, "-m", "videos.providers.mock_video"]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, cwd=_PROJECT_ROOT, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        ) as child,
    ):
        try:
            # Stays open until the child has ended: the child takes the end of stdin for the death of its parent.
            with suppress(BrokenPipeError):  # the child died early; its exit status says so
                cast("IO[bytes]", child.stdin).write(request)
            status = child.wait(timeout_seconds)
        except subprocess.TimeoutExpired as exc:
            raise RenderError(f"the encoder took longer than {timeout_seconds} s") from exc
        finally:
            child.kill()
        if status:
            errors.seek(0)
            last_line = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise RenderError(last_line or f"the encoder ended with status {status}")


def main() -> int:
    """Render the clip requested on stdin; a failure is one line on stderr and status 1."""
    os.nice(10)
    try:
        clip = json.loads(sys.stdin.buffer.readline())
        threading.Thread(target=_exit_with_parent, daemon=True).start()
        clip["destination"] = Path(clip["destination"])
        clip["first_frame"] = clip["first_frame"] and Path(clip["first_frame"])
        render(**clip)
    except Exception as exc:  # the edge of a process; the parent reports the line
        sys.stderr.write(f"{type(exc).__name__}: {exc}".replace("\n", " ") + "\n")
        return 1
    return 0


def _exit_with_parent() -> None:
    # Not PR_SET_PDEATHSIG: it fires when the thread that started us ends, and that thread belongs to a pool.
    # Not sys.stdin.read(): it would hold the buffer's lock, which the interpreter needs at exit.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)


def render(**clip: Unpack[Clip]) -> None:
    """Write an MP4 that plays while it downloads, with an AAC track if `generate_audio` is set.

    Raises ValueError for an impossible size or length, and what av and Pillow raise.
    """
    width, height, seconds = clip["width"], clip["height"], clip["duration_seconds"]
    if width % 2 or height % 2 or min(width, height) < 64 or seconds < 1:
        raise ValueError(f"cannot render {seconds} s of {width}x{height}")
    images = frames(clip)
    with av.open(str(clip["destination"]), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "superfast", "crf": "23", "threads": "2"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.gop_size = 2 * FPS
        video.thread_type = ThreadType.FRAME  # the default, slices, makes encode() wait for every frame
        # BT.709: players take untagged video for either BT.601 or BT.709
        video.colorspace = video.color_primaries = video.color_trc = 1
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo") if clip["generate_audio"] else None
        sound = chord(clip["seed"], seconds)
        for _ in range(seconds):  # in turns, so that the muxer buffers about a second of each
            for frame in islice(images, FPS):
                container.mux(video.encode(frame))
            if audio:
                container.mux(audio.encode(next(sound)))
        container.mux(video.encode(None))
        if audio:
            container.mux(audio.encode(None))


if __name__ == "__main__":
    sys.exit(main())
