"""Metrics of requests: their number, status and duration."""

import re
import time
from collections.abc import Callable
from functools import cache

from django.contrib.admindocs.utils import remove_non_capturing_groups, replace_metacharacters, replace_named_groups
from django.http import HttpRequest, HttpResponseBase

from studio.http.base_path import FOR_MACHINES
from studio.observability import counters, telemetry

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PARTS = ("api", "admin", "probe", "other")
# Few series, so all start at zero. The histogram below, with its routes, would have 10,000 lines.
RESPONSES = counters.Metric(
    "studio_http_responses_total",
    "Responses, by first segment of the path and class of status",
    {"part": PARTS, "status": ("2xx", "3xx", "4xx", "5xx")},
)
REQUESTS = counters.Metric(
    "studio_http_request_seconds",
    "Requests, by duration; of a file, until its first byte",
    {"method": (), "route": (), "status": ()},  # each series appears with its first request
    # seconds; a list takes about ten milliseconds, five uploaded pictures a few seconds
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


class TrafficMiddleware:
    """Times every request, and traces it if tracing is configured."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began_at = time.perf_counter()
        method = request.method if request.method in METHODS else "OTHER"
        with telemetry.request_span(request) as span:
            response = self.get_response(request)
            route, status = route_of(request), response.status_code
            span.describe(f"{method} {route}", status=status)
        REQUESTS.observe(time.perf_counter() - began_at, method or "", route, f"{status // 100}xx")
        RESPONSES.add(_part_of(route), f"{status // 100}xx")
        return response


def _part_of(route: str) -> str:
    if route in FOR_MACHINES:
        return "probe"
    first = route.split("/", 2)[1] if route.startswith("/") else ""
    return first if first in PARTS else "other"


def route_of(request: HttpRequest) -> str:
    """The path's template, such as /api/v1/video-jobs/<pk>; paths themselves are unbounded in number."""
    match = request.resolver_match
    return _template(match.route) if match else "unknown"


@cache
def _template(route: str) -> str:
    plain = replace_metacharacters(remove_non_capturing_groups(replace_named_groups(route)))
    return f"/{re.sub(r'<[a-z_]+:', '<', plain).strip('/')}"
