"""The URLs of a shared look's files.

A file in a local folder is served below the link's own address: it can be read as long as the link lives, and its URL
does not have the look's id. A storage service serves its files itself, under the URLs that the API shows, too; it also
makes the smaller copies of pictures.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.encoding import iri_to_uri

from looks.models import Look, LookLink, LookVideo, Product
from looks.representation import SUCCEEDED
from studio.http.serving import is_on_our_disk
from studio.media import sized
from studio.media.storage import base, media_storage

PICTURE, POSTER, PRODUCT, VIDEO = "picture", "poster", "product", "video.mp4"
SHOWN = (sized.SMALL, sized.MEDIUM, sized.LARGE)  # sides in pixels of the pictures among which a browser chooses
_ORIGIN = re.compile(r"https?://[\w.:-]+", re.ASCII)  # ends before what could end it in a content policy
_SIZED = re.compile(
    rf"(?P<role>{PICTURE}|{POSTER}|{PRODUCT}-(?P<place>\d{{1,4}}))-(?P<side>\d{{3,4}})\.(?P<extension>\w+)"
)


@dataclass(frozen=True)
class Requested:
    """A file that the last part of an address names. `side` is None for the video; `place` is a product's."""

    role: str
    place: int | None = None
    side: int | None = None


def parsed(text: str) -> Requested | None:
    """The file that the text names, without checking that the look has it; None for any other text."""
    if text == VIDEO:
        return Requested(VIDEO)
    match = _SIZED.fullmatch(text)
    if match is None or sized.EXTENSION_OF.get(int(match["side"])) != match["extension"]:
        return None
    place = match["place"]
    return Requested(PRODUCT if place else match["role"], int(place) if place else None, int(match["side"]))


def stored_name(link: LookLink, requested: Requested) -> str:
    """The name of the file in the storage; "" if the look has no such file."""
    if requested.role == PICTURE:
        return str(link.look.image.name or "")
    if requested.place is not None:
        names = Product.objects.filter(look=link.look_id, position=requested.place).values_list("thumbnail", flat=True)
        return names.first() or ""
    video: Any = default_video(link.look)
    if video is None:
        return ""
    return str((video.video if requested.role == VIDEO else video.poster).name or "")


def default_video(look: Look) -> Any:
    """The job of the default video, if it has succeeded, with what the page needs of it; else None."""
    columns = ("phase", "video", "poster", "resolution", "aspect_ratio", "delivered_aspect_ratio")
    links = LookVideo.objects.filter(look=look, is_default=True).select_related("video")
    link = links.only("look", "video", *(f"video__{column}" for column in columns)).first()
    return link.video if link and link.video.status == SUCCEEDED else None


class Files:
    """Builds the URLs of one link's files: our own without a host, those of a storage service with theirs."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._storage = media_storage()
        self._others: set[str] = set()

    def video(self, name: str) -> str:
        """The URL of the video."""
        if is_on_our_disk(self._storage, name):
            return self._own(VIDEO, name)
        return self._elsewhere(self._storage.url(name))

    def picture(self, name: str, role: str, side: int) -> str:
        """The URL of the picture with at most `side` pixels."""
        if is_on_our_disk(self._storage, name):
            return self._own(f"{role}-{side}.{sized.EXTENSION_OF[side]}", name)
        return self._elsewhere(base.sized_url(storage=self._storage, name=name, side=side))

    def source_set(self, name: str, role: str, *, width: int, height: int) -> str:
        """The value of `srcset` for a picture of this size in pixels: no copy is larger than the picture."""
        return ", ".join(
            f"{self.picture(name, role, side)} {fitted(width, height, side)[0]}w" for side in _useful(width, height)
        )

    @property
    def origins(self) -> list[str]:
        """The origins of all URLs so far that are not our own."""
        return sorted(self._others)

    def _own(self, file: str, name: str) -> str:
        """The file's URL, which changes with the stored file: browsers keep a response for an hour."""
        return f"{reverse('shared-look-file', args=[self._token, file])}?v={zlib.crc32(name.encode()):08x}"

    def _elsewhere(self, url: str) -> str:
        if origin := _ORIGIN.match(url):
            self._others.add(origin[0])
        return iri_to_uri(url)  # fit for headers and `srcset`


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """The size in pixels, scaled down to at most `side`."""
    scale = min(side / max(width, height), 1)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _useful(width: int, height: int) -> Iterator[int]:
    """The sides of copies, up to the first one that has all pixels of the picture."""
    for side in SHOWN:
        yield side
        if side >= max(width, height):
            return
