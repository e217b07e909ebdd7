"""Compares statements without their values."""

import re

from django.test.utils import CaptureQueriesContext

_VALUES = re.compile(r"""'[^']*'(?:::\w+)?|"s\d+_x\d+"|\bNULL\b|\b\d+(?:\.\d+)?\b""")  # and the names of savepoints


def shapes(queries: CaptureQueriesContext) -> list[str]:
    """The statements, in their order, with `?` for each value."""
    return [_VALUES.sub("?", query["sql"]) for query in queries]
