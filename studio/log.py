"""How a log line looks: the event, then its parameters as `name=value`."""

import logging
from contextvars import ContextVar

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


current_request_id: ContextVar[str] = ContextVar("request_id", default="")


class LineFormatter(logging.Formatter):
    """One event a line: time, level, logger, message, and whatever came in `extra`."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback, if any, follows it."""
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        extra.pop("request", None)  # Django attaches the whole request object
        if request_id := current_request_id.get():
            extra["request_id"] = request_id
        line = super().format(record)
        first, newline, rest = line.partition("\n")
        # a value is somebody else's text, and must not look like a line of ours
        said = (f"{name}={str(value)!r}" if "\n" in str(value) else f"{name}={value}" for name, value in extra.items())
        return " ".join([first, *said]) + newline + rest
