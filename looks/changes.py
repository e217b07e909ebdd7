"""Lets `videos`, which this app does not import, record a change of a look that the jobs of its videos show."""

import uuid
from collections.abc import Callable, Collection

Videos = Collection[tuple[uuid.UUID, uuid.UUID]]  # the id of a video's owner, and its own
Recorder = Callable[[Videos], None]

_recorders: list[Recorder] = []


def register(recorder: Recorder) -> None:
    """Have the recorder called in the transaction of each such change, at its end."""
    _recorders.append(recorder)


def record(videos: Videos) -> None:
    """Record that the jobs of these videos show another look, or show it as their default or not."""
    for recorder in _recorders:
        recorder(videos)
