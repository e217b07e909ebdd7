"""How a log line looks, as text or as JSON: one event, what came with it, and which request and job it is about."""

import json
import logging
import logging.config
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from studio.observability import redaction
from studio.observability.terminal import printable

# What every record has, and what others attach that is no event's parameter: Django the whole request.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request"}
_PLAIN = re.compile(r"[^\s\"'=]+")


@dataclass(frozen=True)
class _Story:
    """What the lines of this thread or task are about, and texts of the user's that must not be in any."""

    names: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


_story: ContextVar[_Story] = ContextVar("story", default=_Story())  # noqa: B039 - frozen, and never written to


@contextmanager
def about(*, hiding: tuple[str, ...] = (), **names: str) -> Iterator[None]:
    """Name on every line logged in the block what it is about (`job_id`, `request_id`); blank names are left out.

    The texts in `hiding`, a prompt, are taken out of these lines: a vendor's error may quote them.
    """
    before = _story.get()
    kept = {name: value for name, value in names.items() if value}
    token = _story.set(_Story({**before.names, **kept}, (*before.hidden, *hiding)))
    try:
        yield
    finally:
        _story.reset(token)


def request_id() -> str:
    """The id of the request that is being answered, or that made the job at hand; "" outside."""
    return _story.get().names.get("request_id", "")


def names() -> dict[str, str]:
    """What the lines of this thread or task are about."""
    return dict(_story.get().names)


def hidden() -> tuple[str, ...]:
    """Texts that must not leave the process just now."""
    return _story.get().hidden


class ClientErrors(logging.Filter):
    """Turns what Django logs as an ERROR with a traceback, and a client has caused, into one line of level INFO.

    Every scanner sends a wrong `Host`; Django refuses it, and a path or a form that is out of bounds, with 400.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        if record.name.startswith("django.security.") and record.levelno > logging.INFO:
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.exc_info = record.exc_text = None
        return True


class _Formatter(logging.Formatter):
    """What both kinds of line are made of."""

    def _time(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _parameters(self, record: logging.LogRecord) -> dict[str, Any]:
        """What came in `extra`, then what the line is about."""
        given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return {name: self._clean(value) for name, value in {**_story.get().names, **given}.items()}

    def _trace(self, record: logging.LogRecord) -> str:
        trace = self.formatException(record.exc_info) if record.exc_info else record.exc_text or ""
        return str(self._clean("\n".join(part for part in (trace, record.stack_info) if part)))

    @staticmethod
    def _clean(value: Any) -> Any:
        """Numbers as they are; anything else as text, without what does not belong into a log."""
        if value is None or isinstance(value, bool | int | float):
            return value
        return redaction.redact(str(value), hiding=_story.get().hidden)


class LineFormatter(_Formatter):
    """`time LEVEL logger: message name=value …`; a traceback follows, indented: none of its lines passes for ours."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = [
            f"{self._time(record)} {record.levelname} {record.name}: {printable(self._clean(record.getMessage()))}",
            *(f"{name}={_quoted(value)}" for name, value in self._parameters(record).items()),
        ]
        trace = [f"\n  {printable(line)}" for line in self._trace(record).splitlines()]
        return " ".join(said) + "".join(trace)


class JsonFormatter(_Formatter):
    """One JSON object a line, the exception included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; an `extra` by the name of one of its own keys gives way."""
        facts = self._parameters(record) | {
            "time": self._time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": self._clean(record.getMessage()),
        }
        if trace := self._trace(record):
            facts["exception"] = trace
        first = {name: facts.pop(name) for name in ("time", "level", "logger", "message")}
        return json.dumps(first | facts)


FORMATTERS: dict[str, type[logging.Formatter]] = {"line": LineFormatter, "json": JsonFormatter}  # by LOG_FORMAT


def _quoted(value: Any) -> str:
    """A value is somebody else's text, and must not look like another value, or like a line of ours."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.isprintable() else repr(text)


def configure(config: dict[str, Any]) -> None:
    """Set logging up (Django's LOGGING_CONFIG); in JSON also what Python would print: warnings, last words."""
    logging.config.dictConfig(config)
    if "json" in config["formatters"]:
        logging.captureWarnings(True)
        sys.excepthook = _log_last_words


def _log_last_words(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, exc, trace)
    else:
        logging.getLogger("studio").critical("process failed", exc_info=(kind, exc, trace))
