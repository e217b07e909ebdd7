r"""Makes text from outside storable: what vendors, files and operating systems say may hold what no database takes.

PostgreSQL refuses NUL and text that is longer than its column; neither database takes half of a surrogate pair, which
JSON can spell (`"\ud800"`) and Python holds, and which has no bytes in UTF-8.
"""

import re

_UNSTORABLE = re.compile("[\\0\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: object, *, length: int) -> str:
    """The text for people to read: what cannot be stored is replaced, and no more than `length` characters are kept."""
    return _UNSTORABLE.sub(REPLACEMENT, str(text)[:length])


def is_storable(text: str, *, length: int) -> bool:
    """Whether exactly this text can be stored: for names and URLs, which are worth nothing when they are changed."""
    return len(text) <= length and not _UNSTORABLE.search(text)
