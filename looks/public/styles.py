"""The style sheets of the public page, inside the document: on a slow line their requests would double its wait."""

import base64
import hashlib
from functools import cache
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe

from studio.env import PROJECT

_FOLDER = PROJECT / "studio" / "static" / "site"
_SHEETS = ("tokens.css", "base.css", "look.css")


class Styles(NamedTuple):
    """The content of the page's `<style>`, and the source of a content policy that permits it and no other."""

    text: SafeString
    source: str


@cache  # reading and hashing takes 0.1 ms; a change of the files shows after a restart
def styles() -> Styles:
    """The style sheets in one, as they are."""
    text = "".join((_FOLDER / name).read_text() for name in _SHEETS)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Styles(mark_safe(text), f"'sha256-{digest}'")  # noqa: S308 -- our own files
