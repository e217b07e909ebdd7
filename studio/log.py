"""How a log line looks: the event, then its parameters as `name=value`."""

import logging

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


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
        line = super().format(record)
        first, newline, rest = line.partition("\n")
        return " ".join([first, *(f"{name}={value}" for name, value in extra.items())]) + newline + rest
