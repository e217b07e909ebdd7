"""The tables of video jobs. A job's row is also its queue entry."""

from videos.models.catalogue import Upstream, VideoModel, price_in
from videos.models.deleted_job import DeletedJob
from videos.models.events import Event, EventCounter, EventsExpired
from videos.models.idempotency import SpentKey
from videos.models.job import IMPORTED, OPERATION_MAX, VideoJob, whole_seconds
from videos.models.job_input import JobInput
from videos.models.job_log import JobLog
from videos.models.live_tickets import LiveTicket
from videos.models.poll_quota import PollQuota
from videos.models.queryset import VideoJobQuerySet, from_now, new_lease
from videos.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "IMPORTED",
    "OPERATION_MAX",
    "DeletedJob",
    "Event",
    "EventCounter",
    "EventsExpired",
    "JobInput",
    "JobLog",
    "LiveTicket",
    "PollQuota",
    "SpentKey",
    "Upstream",
    "VideoJob",
    "VideoJobQuerySet",
    "VideoModel",
    "WebhookDelivery",
    "WebhookEndpoint",
    "from_now",
    "new_lease",
    "price_in",
    "whole_seconds",
]
