"""The format of log lines, text or JSON: one event, its parameters, and the request and job that it belongs to."""

import json
import logging
import logging.config
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from studio.observability import redaction
from studio.observability.terminal import printable

# Attributes of every record, and those that others attach besides parameters: Django attaches the request.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request"}
_PLAIN = re.compile(r"[^\s\"'=]+")


@dataclass(frozen=True)
class _Context:
    """Parameters of every log line of this thread or task, and users' texts that must not be in any line."""

    names: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


_context: ContextVar[_Context] = ContextVar("log_context", default=_Context())  # noqa: B039 - frozen


@contextmanager
def context(*, hiding: tuple[str, ...] = (), **names: str) -> Iterator[None]:
    """Add the parameters (`job_id`, `request_id`) to every line logged in the block; blank ones are left out.

    The texts in `hiding`, such as a prompt, are redacted from these lines: a vendor's error may quote them.
    """
    before = _context.get()
    kept = {name: value for name, value in names.items() if value}
    token = _context.set(_Context({**before.names, **kept}, (*before.hidden, *hiding)))
    try:
        yield
    finally:
        _context.reset(token)


def add(**names: str) -> None:
    """Add the parameters to the further lines of the innermost `context` block."""
    current = _context.get()
    _context.set(replace(current, names={**current.names, **names}))


def request_id() -> str:
    """The id of the current request, or of the one that created the current job; "" outside of both."""
    return _context.get().names.get("request_id", "")


def parameters() -> dict[str, str]:
    """The parameters that `context` adds to lines of this thread or task."""
    return dict(_context.get().names)


def hidden() -> tuple[str, ...]:
    """The texts that must not leave the process in this context."""
    return _context.get().hidden


class ClientErrors(logging.Filter):
    """Lowers client errors that Django logs as ERROR with a traceback to one line of level INFO.

    Every scanner sends a wrong `Host`. Django rejects it with 400, as it does a path or form that exceeds its limits.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security.") and record.levelno > logging.INFO:
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.exc_info = record.exc_text = None
        return True


class _Formatter(logging.Formatter):
    """The base of both formats."""

    def _time(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _parameters(self, record: logging.LogRecord) -> dict[str, Any]:
        """Those of `extra`, which win over those of the context."""
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return {name: self._clean(value) for name, value in {**_context.get().names, **extra}.items()}

    def _trace(self, record: logging.LogRecord) -> str:
        trace = self.formatException(record.exc_info) if record.exc_info else record.exc_text or ""
        return str(self._clean("\n".join(part for part in (trace, record.stack_info) if part)))

    @staticmethod
    def _clean(value: Any) -> Any:
        """Numbers, and what is marked as unredacted, as they are; anything else as redacted text."""
        if value is None or isinstance(value, bool | int | float | redaction.Unredacted):
            return value
        return redaction.redact(str(value), hiding=_context.get().hidden)


class LineFormatter(_Formatter):
    """`time LEVEL logger: message name=value …`; a traceback follows, indented, so that it cannot imitate a line."""

    def format(self, record: logging.LogRecord) -> str:
        parts = [
            f"{self._time(record)} {record.levelname} {record.name}: {printable(self._clean(record.getMessage()))}",
            *(f"{name}={_quoted(value)}" for name, value in self._parameters(record).items()),
        ]
        trace = [f"\n  {printable(line)}" for line in self._trace(record).splitlines()]
        return " ".join(parts) + "".join(trace)


class JsonFormatter(_Formatter):
    """One JSON object a line, the exception included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. A parameter named like one of its own keys is dropped."""
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
    """Quoted if needed: a value from outside must not imitate a second value or a second line."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.isprintable() else repr(text)


def configure(config: dict[str, Any]) -> None:
    """Set up logging (Django's LOGGING_CONFIG); as JSON, also warnings and the traceback of a crash."""
    logging.config.dictConfig(config)
    if "json" in config["formatters"]:
        logging.captureWarnings(True)
        sys.excepthook = _log_crash


def _log_crash(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, exc, trace)
    else:
        logging.getLogger("studio").critical("process.crashed", exc_info=(kind, exc, trace))
