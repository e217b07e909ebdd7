"""The server's routes, and suggestions for requests to unknown paths."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from django.conf import settings
from django.urls import URLPattern, get_resolver

ROOT = "/api/v1/"
LONGEST_PATH = 200  # characters; the longest real path has 115, and comparing takes quadratic time
ALIKE = 0.6  # of 1; difflib's default for a close match: "videos" and "video-jobs" have 0.75
_GUESSED_ROOT = re.compile(r"^/(api/)?(v\d+/)?")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_OTHERS = ("openapi.json", "docs", "redoc")  # clients guess these below ROOT, too


def unknown_path_message(path: str) -> str:
    """The error message for an unknown path; it names the most similar endpoint."""
    start = path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}…"
    meant = nearest(path.removeprefix(settings.BASE_PATH)) if len(path) <= LONGEST_PATH else None
    hint = f"Did you mean {settings.BASE_PATH}{meant}?" if meant else f"{settings.BASE_PATH}/docs lists all of them."
    return f"There is no endpoint {start}. {hint}"


def nearest(path: str) -> str | None:
    """The most similar endpoint, with the path's parameters filled in; None if none is similar enough."""
    parts = [part for part in _GUESSED_ROOT.sub("", path).split("/") if part]
    alike, best = max((_resemblance(parts, route), route) for route in _routes())
    if alike < ALIKE:
        return None
    filled = [_parameter(part, parts[place : place + 1]) for place, part in enumerate(best.split("/"))]
    return f"/{best}" if best in _OTHERS else f"{ROOT}{'/'.join(filled)}"


def _resemblance(sent: list[str], route: str) -> float:
    """The similarity of the path and the route's template, from 0 to 1; a parameter matches anything in its place."""
    parts = route.split("/")
    names = {place for place, part in enumerate(parts) if _PARAMETER.fullmatch(part)}
    masked = ["<>" if place in names else part.lower() for place, part in enumerate(sent)]
    template = ["<>" if place in names else part for place, part in enumerate(parts)]
    return SequenceMatcher(None, "/".join(masked), "/".join(template)).ratio()


def _parameter(part: str, sent: list[str]) -> str:
    match = _PARAMETER.fullmatch(part)
    if match is None:
        return part
    return sent[0] if sent else f"{{{match[1]}}}"


@cache
def _routes() -> tuple[str, ...]:
    """The templates of all endpoints, without ROOT."""
    found = (
        route.removeprefix(ROOT[1:]) for route, view in all_routes() if route.startswith(ROOT[1:]) and is_api(view)
    )
    return (*sorted(found), *_OTHERS)


def is_api(view: Any) -> bool:
    """Whether it is one of DRF's views."""
    return hasattr(view, "cls")


def all_routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """The template of every route, without the first slash, and its view."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern.callback
        else:
            yield from all_routes(pattern.url_patterns, route)
