r"""What may be written to a terminal: text. Prompts and addresses come from strangers, and a terminal obeys signs.

Every management command writes through `guard`, Django's and the libraries' as well; so do the console and the logs
of `manage.py up` and the lines of `studio.observability.log`. A sign that is not text comes out as in JSON, `\u001b`,
so that JSON stays JSON and says the same.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

# Controls of C0 and C1, formats (they reverse the order of what follows, or hide it), halves of a sign, signs that
# Unicode has not given away, and its separators of lines.
_NO_TEXT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NOT_PLAIN = re.compile(r"[^ -~]")  # what has to be looked at; the rest is most of any output
_JOINERS = "\u200c\u200d"  # formats that words of Persian and Hindi need, and emoji of families
# They talk with the terminal themselves: colours, completion, a program of its own.
INTERACTIVE = frozenset({"shell", "dbshell"})


def printable(text: str, *, keep: str = "") -> str:
    """The text, with what is not printable spelled as in JSON; `keep` are signs that stay, a line's end for example."""
    return text if text.isprintable() else _NOT_PLAIN.sub(lambda match: _spelled(match[0], keep), text)


def _spelled(sign: str, keep: str) -> str:
    if sign.isprintable() or sign in keep or sign in _JOINERS or unicodedata.category(sign) not in _NO_TEXT:
        return sign
    code = ord(sign)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000  # beyond the first plane JSON knows pairs
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


class PrintableStream:
    """A stream to which only text gets; in all else the stream that it was made of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it, lines and tabs as they are."""
        self._stream.write(printable(text, keep="\n\t"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As `write`, line by line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard(command: str) -> None:
    """Let the process write nothing but text to its two streams, unless the command is one of INTERACTIVE."""
    if command in INTERACTIVE:
        return
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, PrintableStream):  # None: closed by the parent process
            setattr(sys, name, PrintableStream(stream))
