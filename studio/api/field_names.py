"""The spellings of field names that clients may use: as documented, in snake_case, and lists with brackets."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import cached_property
from typing import NamedTuple

NAME_MAX = 100  # characters of a client's name that an error message repeats
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BRACKETS = re.compile(r"(?P<name>[^\[\]]+)\[(?P<position>\d{0,3})\]")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_TYPO_LEAST = 4  # letters; in a shorter name, one typo makes another word (`all`, `alt`)
_NEAR_ENOUGH = 0.7  # of 2, see _likeness; "image" and "initialImage" have 1.09, "file" and "title" 0.67


class Spelled(NamedTuple):
    """The documented name for a client's spelling; for a list's `name[2]`, with the `position` 2."""

    name: str
    position: int | None = None


def snake_case(name: str) -> str:
    """`lookId` as `look_id`."""
    return _WORD_START.sub("_", name).lower()


def shortened(name: str) -> str:
    """A client's name, cut for an error message."""
    return name if len(name) <= NAME_MAX else f"{name[:NAME_MAX]}…"


class Spellings:
    """The documented field names of a serializer, and every accepted spelling of them."""

    def __init__(self, names: Iterable[str], *, lists: Iterable[str] = ()) -> None:
        self.names = tuple(names)
        self._lists = frozenset(lists)
        self._accepted = {spelling: Spelled(name) for name in self.names for spelling in (name, snake_case(name))}

    def find(self, spelling: str) -> Spelled | None:
        """The documented name for an accepted spelling, or None."""
        if found := self._accepted.get(spelling):
            return found
        match = _BRACKETS.fullmatch(spelling)
        found = self._accepted.get(match["name"]) if match else None
        if match is None or found is None or found.name not in self._lists:
            return None
        return Spelled(found.name, int(match["position"]) if match["position"] else None)

    def is_list(self, name: str) -> bool:
        """Whether the field with this documented name is a list."""
        return name in self._lists

    def resembling(self, name: str) -> str | None:
        """The documented name that differs from an unknown one in case, punctuation or one typo only."""
        letters = _letters(name[:NAME_MAX])
        return next((known for folded, known in self._folded.items() if _is_slip(letters, folded)), None)

    def nearest(self, name: str) -> str | None:
        """The documented name that the client most likely meant, or None."""
        name = name[:NAME_MAX]
        ranked = max(((_likeness(name, known), known) for known in self.names), default=(0.0, ""), key=lambda it: it[0])
        return ranked[1] if ranked[0] >= _NEAR_ENOUGH else None

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {_letters(name): name for name in self.names}


def _letters(name: str) -> str:
    return _NO_LETTER.sub("", name.lower())


def _words(name: str) -> set[str]:
    return set(_NO_LETTER.split(_WORD_START.sub("_", name).lower())) - {""}


def _likeness(name: str, known: str) -> float:
    """From 0 to 2. Whole words count besides letters: `image` is nearer to initialImage than to useLookImage."""
    in_common, words = _words(name) & _words(known), _words(name) | _words(known)
    letters = SequenceMatcher(None, _letters(name), _letters(known), autojunk=False).ratio()
    return letters + len(in_common) / max(len(words), 1)


def _is_slip(letters: str, known: str) -> bool:
    """Whether they are equal, or one letter is wrong, missing or extra, or two neighbours are swapped."""
    if letters == known:
        return True
    if abs(len(letters) - len(known)) > 1 or len(known) < _TYPO_LEAST:
        return False
    start = next((i for i, (one, other) in enumerate(zip(letters, known, strict=False)) if one != other), None)
    if start is None:  # one is a prefix of the other
        return True
    one, other = letters[start:], known[start:]
    swapped = one[1:2] + one[:1] + one[2:]
    return other in {swapped, one[1:]} or other[1:] in {one, one[1:]}
