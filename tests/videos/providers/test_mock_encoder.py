"""The process that encodes the mock provider's clips."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.videos.providers.mock_clips import clip, difference, frames_of, rendered
from videos.media import mp4
from videos.providers import mock_video
from videos.providers.mock_video import RenderError

ROOT = Path(mock_video.__file__).parents[2]


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@pytest.mark.slow
def test_encoder_makes_the_same_clip(tmp_path: Path, photo: Path) -> None:
    wanted = clip(tmp_path, first_frame=photo, prompt="\U0001f457\ud800" * 2000, generate_audio=True)
    frames = rendered(tmp_path, **wanted)
    wanted["destination"].unlink()

    mock_video.run_encoder(timeout_seconds=60, **wanted)

    assert [difference(*pair) for pair in zip(frames, frames_of(wanted["destination"]), strict=True)] == [0] * 24


@pytest.mark.slow
def test_failure_is_reported_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    wanted = clip(tmp_path, first_frame=tmp_path / "text.png")

    with pytest.raises(RenderError, match=r"^UnidentifiedImageError: cannot identify image file"):
        mock_video.run_encoder(timeout_seconds=60, **wanted)

    assert not wanted["destination"].exists()


def test_encoder_that_does_not_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(RenderError, match="the encoder could not be started: No such file or directory"):
        mock_video.run_encoder(timeout_seconds=60, **clip(tmp_path))


@linux
@pytest.mark.slow
def test_slow_encoder_is_stopped_and_leaves_no_file(tmp_path: Path) -> None:
    wanted = clip(tmp_path, duration_seconds=3600)
    started = time.monotonic()

    with pytest.raises(RenderError, match="the encoder took longer than 1 s"):
        mock_video.run_encoder(timeout_seconds=1, **wanted)

    assert time.monotonic() - started < 10
    assert not wanted["destination"].exists()
    assert encoders_of(os.getpid()) == []


@linux
@pytest.mark.slow
def test_encoders_take_turns(tmp_path: Path) -> None:
    clips = [clip(tmp_path, destination=tmp_path / f"{number}.mp4", duration_seconds=4) for number in range(3)]
    threads = [
        threading.Thread(target=lambda one=one: mock_video.run_encoder(timeout_seconds=60, **one)) for one in clips
    ]
    most = 0

    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(encoders_of(os.getpid())))
        time.sleep(0.01)

    assert most == 1
    assert [mp4.inspect(path=one["destination"]).duration_seconds for one in clips] == [4.0, 4.0, 4.0]


@linux
@pytest.mark.slow
def test_encoder_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from videos.providers import mock_video;"
        f"mock_video.run_encoder(timeout_seconds=600, destination=Path({str(tmp_path / 'clip.mp4')!r}), width=320,"
        "height=180, duration_seconds=3600, generate_audio=False, prompt='', first_frame=None, seed='')"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as parent:
        wait_until(lambda: encoders_of(parent.pid) and (tmp_path / "clip.mp4").exists())
        (encoder,) = encoders_of(parent.pid)

        parent.send_signal(signal.SIGKILL)

    wait_until(lambda: not is_encoder(encoder))


@pytest.mark.slow
def test_process_complains_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "videos.providers.mock_video"],
        input=b"not JSON\n",
        capture_output=True,
        cwd=ROOT,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n"


def encoders_of(parent: int) -> list[int]:
    """The encoders that the process started and that still run."""
    everyone = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [process for process in everyone if is_encoder(process) and parent_of(process) == parent]


def is_encoder(process: int) -> bool:
    """Whether it runs; what has ended has no command line."""
    try:
        return b"videos.providers.mock_video" in Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent_of(process: int) -> int | None:
    """The id of its parent, if it still runs."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def wait_until(is_so: Callable[[], object]) -> None:
    """Returns as soon as it is so; fails after 20 seconds."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
