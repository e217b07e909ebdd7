"""Two intact MP4 files: one with its index first, one with its index last."""

from pathlib import Path

import pytest

from tests.videos.media.mp4_files import encode, noise


@pytest.fixture(scope="module")
def in_front(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose index precedes its data."""
    return encode(tmp_path_factory.mktemp("videos") / "front.mp4", noise(30), movflags="+faststart")


@pytest.fixture(scope="module")
def at_end(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose index follows its data."""
    return encode(tmp_path_factory.mktemp("videos") / "end.mp4", noise(30))


@pytest.fixture(params=["in_front", "at_end"])
def either(request: pytest.FixtureRequest) -> Path:
    """The one video, then the other."""
    path: Path = request.getfixturevalue(request.param)
    return path
