"""The names of a file at Cloudinary: the one that it was saved as, and its delivery URL."""

import re
from dataclasses import dataclass

KINDS = {"mp4": "video", "jpg": "image", "jpeg": "image", "png": "image", "webp": "image"}
SAVED_AS = re.compile(r"(?P<path>[\w-][\w./-]*)\.(?P<extension>\w+)", re.ASCII)
DELIVERY_URL = re.compile(
    r"(?P<front>https?://[^/?#]+(?:/[^/?#]+)?/(?:image|video)/upload/)"
    r"(?P<version>v\d+/)?(?P<path>[^?#]+)\.(?P<extension>\w+)",
    re.ASCII,
)


@dataclass(frozen=True)
class Asset:
    """A file in Cloudinary's terms; its URL is `front`, an optional transformation, and `back`."""

    kind: str
    public_id: str
    front: str
    back: str

    @property
    def cloud(self) -> str:
        """The account in the URL, from its path or from Cloudinary's host name; "" on a custom host."""
        host, *path = self.front.split("://")[1].split("/")[:-3]
        if path:
            return path[0]
        return host.removesuffix("-res.cloudinary.com") if host.endswith("-res.cloudinary.com") else ""

    def url(self, transformation: str = "") -> str:
        """The delivery URL of the file, or of a transformation of it."""
        return f"{self.front}{transformation}{self.back}"


@dataclass(frozen=True)
class Uploaded:
    """Cloudinary's description of a stored file. `etag` is its MD5 if Cloudinary keeps it unchanged."""

    url: str
    size_bytes: int | None
    etag: str
