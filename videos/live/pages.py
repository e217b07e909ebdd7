"""Reads the events after many positions at once, and renders them for the streams."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from studio.api.parsers import JSONRenderer
from videos.api import representation
from videos.models import Event
from videos.models.events import Position, last_numbers, read_all

PAGE = 100  # events of a position in one page; a client that was away gets page after page


class Place(NamedTuple):
    """Where a listener is: after which event of which owner, and the origin of the URLs in its data."""

    owner_id: uuid.UUID
    after: int
    origin: str


@dataclass(frozen=True)
class Frame:
    """One event, rendered; `look_ids` are the looks of its job, None of a deleted one."""

    number: int
    job_id: uuid.UUID
    look_ids: frozenset[str] | None
    text: bytes


@dataclass(frozen=True)
class Page:
    """The next events of a place, and the number of the last one. `is_reset`: some are not kept any more."""

    last: int
    frames: tuple[Frame, ...] = ()
    is_reset: bool = False


def read(places: Collection[Place]) -> dict[Place, Page]:
    """The next page of each place that has one. Raises DatabaseError.

    The jobs are read after the events, so a stream shows each as it is now or was later than its event.
    """
    positions: dict[Position, list[Place]] = {}
    for place in places:
        positions.setdefault((place.owner_id, place.after), []).append(place)
    found = read_all(positions.keys(), limit=PAGE)
    expired = [position for position, events in found.items() if events is None]
    last = last_numbers({owner_id for owner_id, _ in expired}) if expired else {}
    pages: dict[Place, Page] = {}
    by_origin: dict[str, dict[Place, list[Event]]] = {}
    for position, events in found.items():
        for place in positions[position]:
            if events is None:
                pages[place] = Page(last.get(place.owner_id, 0), is_reset=True)
            else:
                by_origin.setdefault(place.origin, {})[place] = events
    for origin, events_of in by_origin.items():
        pages |= _rendered(events_of, origin)
    return pages


def newest(owner_id: uuid.UUID) -> int:
    """The number of the owner's last event; 0 if there was none. Raises DatabaseError."""
    return last_numbers([owner_id]).get(owner_id, 0)


def _rendered(events_of: dict[Place, list[Event]], origin: str) -> dict[Place, Page]:
    ids = {event.job_id for events in events_of.values() for event in events}
    jobs = representation.several(ids=list(ids), origin=origin)
    data = {job_id: JSONRenderer().render(job) for job_id, job in jobs.items()}
    frames: dict[tuple[uuid.UUID, int], Frame | None] = {}
    pages = {}
    for place, events in events_of.items():
        for event in events:
            if (place.owner_id, event.number) not in frames:
                frames[place.owner_id, event.number] = _frame(event, jobs.get(event.job_id), data.get(event.job_id))
        found = [frames[place.owner_id, event.number] for event in events]
        pages[place] = Page(events[-1].number, tuple(frame for frame in found if frame))
    return pages


def _frame(event: Event, job: dict[str, Any] | None, data: bytes | None) -> Frame | None:
    """The event as text; None for one of a job that was deleted since, which has a later event."""
    looks = None
    if event.kind == Event.Kind.DELETED:
        data = JSONRenderer().render({"id": str(event.job_id)})
    elif job is None:
        return None
    else:
        looks = frozenset(look["id"] for look in job["associatedLooks"])
    text = b"id: %d\nevent: %s\ndata: %s\n\n" % (event.number, event.kind.encode(), data)
    return Frame(event.number, event.job_id, looks, text)
