r"""Makes text from vendors, files and operating systems fit for the database.

PostgreSQL refuses NUL, and text longer than its column. Neither database accepts a lone surrogate, which JSON can spell
(`"\ud800"`) and a Python string can hold, but UTF-8 cannot encode.
"""

import re

_UNSTORABLE = re.compile("[\\0\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: object, *, length: int) -> str:
    """The text with unstorable characters replaced, cut to `length` characters."""
    return _UNSTORABLE.sub(REPLACEMENT, str(text)[:length])


def is_storable(text: str, *, length: int) -> bool:
    """Whether exactly this text can be stored: for names and URLs, which must not be changed."""
    return len(text) <= length and not _UNSTORABLE.search(text)
