"""A response about another operation is not used: its outcome belongs to another job."""

from pathlib import Path

import pytest

from tests.fakes.google import FakeGoogle
from tests.videos.providers.conftest import GOOGLES, Make, ask, begin, poll
from videos.providers.base import Finished, Unreachable
from videos.providers.google_names import require_same_operation


@pytest.mark.parametrize("name", GOOGLES)
def test_response_about_another_operation_is_rejected(
    name: str, make: Make, google: FakeGoogle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = make(name)
    own, other = begin(adapter, name, google), begin(adapter, name, google)
    google.script("poll", "reply", reply=google.account.poll(other.name), times=1)

    with pytest.raises(Unreachable, match="not about"):
        poll(adapter, own.name, ask(name))

    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["operation.mismatched"]
    assert isinstance(poll(adapter, own.name, ask(name)), Finished)


@pytest.mark.parametrize("name", ["google_vertex", "google_omni_vertex"])
def test_video_of_another_operation_is_rejected(name: str, make: Make, google: FakeGoogle, tmp_path: Path) -> None:
    adapter = make(name)
    own, other = begin(adapter, name, google), begin(adapter, name, google)
    google.script("poll", "reply", reply=google.account.poll(other.name), times=1)

    with pytest.raises(Unreachable, match="not about"):
        adapter.fetch(own.name, ask(name), tmp_path / "video.mp4")


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("v1_7", "v1_7"),
        ("interactions/v1_7", "v1_7"),
        ("projects/4711/locations/x/operations/7", "projects/studio/locations/x/operations/7"),
        (None, "v1_7"),
        ("", "v1_7"),
    ],
)
def test_another_spelling_or_no_name_is_accepted(name: str | None, asked: str) -> None:
    require_same_operation(name, requested=asked)
