"""Shifts the clock of one process, for Python code that asks for the time of day."""

import datetime as calendar
import sys
import time
from typing import Any, Self

_true_time = time.time
_TrueDatetime = calendar.datetime


class _AnyDatetime(type):
    """Accept datetimes that a database driver made with the true class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _TrueDatetime)


def shift(seconds: float) -> None:
    """Shift `time.time` and `datetime.now` by this many seconds, also in modules that have imported them already."""

    def false_time() -> float:
        return _true_time() + seconds

    class FalseDatetime(_TrueDatetime, metaclass=_AnyDatetime):
        @classmethod
        def now(cls, tz: calendar.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(false_time(), tz)

        @classmethod
        def utcnow(cls) -> Self:
            return cls.fromtimestamp(false_time(), calendar.UTC).replace(tzinfo=None)

    _replace({id(_true_time): false_time, id(_TrueDatetime): FalseDatetime})


def _replace(replacements: dict[int, Any]) -> None:
    """Replace by identity, in every module that holds the value."""
    for name, module in list(sys.modules.items()):
        if name.startswith("tests.chaos") or name in {"_datetime", "_strptime"}:
            continue
        for attribute, value in list(vars(module).items()):
            if id(value) in replacements:
                setattr(module, attribute, replacements[id(value)])
