"""The names of files at Cloudinary: the one that a file was saved as, and the URL that Cloudinary answered."""

import re
from dataclasses import dataclass

KINDS = {"mp4": "video", "jpg": "image", "jpeg": "image", "png": "image", "webp": "image"}
SAVED_AS = re.compile(r"(?P<path>[\w-][\w./-]*)\.(?P<extension>\w+)", re.ASCII)
ANSWERED = re.compile(
    r"(?P<front>https?://[^/?#]+(?:/[^/?#]+)?/(?:image|video)/upload/)"
    r"(?P<version>v\d+/)?(?P<path>[^?#]+)\.(?P<extension>\w+)",
    re.ASCII,
)


@dataclass(frozen=True)
class Asset:
    """A file as Cloudinary thinks of it; its URL is `front`, a transformation if any, and `back`."""

    kind: str
    public_id: str
    front: str
    back: str

    @property
    def cloud(self) -> str:
        """The account that the URL names, in its path or as Cloudinary's host for it; "" on a host of one's own."""
        host, *path = self.front.split("://")[1].split("/")[:-3]
        if path:
            return path[0]
        return host.removesuffix("-res.cloudinary.com") if host.endswith("-res.cloudinary.com") else ""

    def url(self, transformation: str = "") -> str:
        """Where Cloudinary delivers the file, or what a transformation makes of it."""
        return f"{self.front}{transformation}{self.back}"


@dataclass(frozen=True)
class Uploaded:
    """What Cloudinary says of a file that it has stored: its URL, length and, of one that it keeps as it is, MD5."""

    url: str
    size_bytes: int | None
    etag: str
