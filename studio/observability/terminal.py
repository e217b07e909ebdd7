r"""Escapes control characters in output to terminals: prompts and e-mail addresses are untrusted text.

All management commands write through `guard`, also those of Django and of libraries. The console of `manage.py up` and
`studio.observability.log` escape by the same rule. The escapes are those of JSON (`\u001b`), so JSON output stays
valid, and its meaning does not change.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

# Unicode categories: controls (C0 and C1), formats (they hide or reverse text), surrogates, private use, unassigned,
# and line and paragraph separators.
_NO_TEXT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NOT_PLAIN = re.compile(r"[^ -~]")
_JOINERS = "\u200c\u200d"  # formats that Persian, Hindi and emoji need
# Commands that control the terminal themselves.
INTERACTIVE = frozenset({"shell", "dbshell"})


def printable(text: str, *, keep: str = "") -> str:
    """The text with unprintable characters escaped, save those in `keep`, a line's end for example."""
    return text if text.isprintable() else _NOT_PLAIN.sub(lambda match: _escaped(match[0], keep), text)


def _escaped(character: str, keep: str) -> str:
    is_text = character.isprintable() or character in _JOINERS or unicodedata.category(character) not in _NO_TEXT
    if is_text or character in keep:
        return character
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000  # JSON writes these as surrogate pairs
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


class PrintableStream:
    """A text stream that escapes what it writes, save line ends and tabs; otherwise it is the stream that it wraps."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text, keep="\n\t"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard(command: str) -> None:
    """Escape all that the process writes to stdout and stderr, unless the command is INTERACTIVE."""
    if command in INTERACTIVE:
        return
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, PrintableStream):  # None: closed by the parent process
            setattr(sys, name, PrintableStream(stream))
