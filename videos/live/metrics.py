"""Metrics of the live process."""

from studio.observability.counters import Metric

ENDS = ("client", "refused", "stopped")
OPENED = Metric("studio_live_streams_opened_total", "Streams of events that were opened")
ENDED = Metric(
    "studio_live_streams_ended_total",
    "Streams of events that ended: the client left or read too slowly, lost its session, or the process stopped",
    {"by": ENDS},
)
EVENTS = Metric("studio_live_events_total", "Events that were sent, once for each stream")
READS = Metric(
    "studio_live_read_seconds",
    "Reads of new events for all streams, by duration",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
WAITS = Metric("studio_live_waits_total", "Requests that waited for a change of a job")
