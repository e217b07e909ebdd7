"""Stores files at Cloudinary through its upload API (cloudinary.com/documentation/image_upload_api_reference).

A file's stored name is the URL that Cloudinary returned, on whatever host. Every method also accepts the name that the
file was saved as (`videos/1.mp4`).
"""

import io
import logging
import re
import secrets
from collections.abc import Iterator
from functools import cache, partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import urllib3
from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible

from studio import deadlines
from studio.db.storable_text import is_storable
from studio.media.storage.base import NAME_MAX, FileMissing, FileRefused, StorageError, StoredFile, Timeouts
from studio.media.storage.cloudinary_listing import files_of
from studio.media.storage.cloudinary_names import DELIVERY_URL, KINDS, SAVED_AS, Asset, Uploaded
from studio.media.storage.external import ExternalFilesMixin, url_of
from studio.media.storage.previous import AT_CLOUDINARY, PreviousStorageMixin, is_url, previous_storage
from studio.media.storage.remote import RemoteFile, is_transient, remote_size
from studio.media.storage.tls_errors import explain

logger = logging.getLogger(__name__)

# At least 5 MB except for the last part (SDK 1.46.3, docs/upload-large-video.md). Hardly more, because the SDK holds a
# part in memory three times, and many threads upload at once.
PART_BYTES = 6 * 1024 * 1024
READ_BYTES = 64 * 1024
TIMEOUTS = Timeouts()

# Refusals of the file itself, not of the account, the request or the time: 413, 415, and a 400 with one of these
# messages: "File size too large. Got 12419652. Maximum is 10485760." (support.cloudinary.com), "Invalid image file",
# "Unsupported video format or file", "Maximum image size is 25 Megapixels", "Empty file" (read 2026-11). Any other
# message counts as a fault of the account, so that staff check it.
_FILE_STATUSES = {413, 415}
_ABOUT_THE_FILE = re.compile(
    r"(?:file size|image|video|file)(?: is)? too (?:large|long|big)|maximum (?:image|video|file) size"
    r"|(?:invalid|unsupported) (?:image|video|file)|empty file|file format .* not (?:allowed|supported)",
    re.IGNORECASE,
)
_DIGEST = re.compile(r"\b[0-9a-f]{40,64}\b")


class CloudinaryFolder(Storage):
    """A folder of one Cloudinary account. Raises StorageError, and SuspiciousFileOperation for an invalid name.

    Does not use the SDK's global configuration, so several can coexist.
    """

    def __init__(
        self,
        *,
        cloud_name: str,
        api_key: str,
        api_secret: str,
        folder: str = "",
        upload_prefix: str = "",
        secure_distribution: str = "",
        private_cdn: bool = False,
        timeouts: Timeouts = TIMEOUTS,
    ) -> None:
        """`upload_prefix` is the API's origin, `secure_distribution` a custom host for the files."""
        self._folder = f"{folder}/" if folder else ""
        host = secure_distribution or (f"{cloud_name}-res.cloudinary.com" if private_cdn else "res.cloudinary.com")
        self._origin = (host if "://" in host else f"https://{host}") + ("" if private_cdn else f"/{cloud_name}")
        self._timeouts = timeouts
        # everything that the SDK would read from its global configuration
        self._account = {
            "cloud_name": cloud_name,
            "api_key": api_key,
            "api_secret": api_secret,
            "upload_prefix": upload_prefix,
            "oauth_token": None,
            "upload_preset": None,
            "signature_algorithm": "sha1",
            "signature_version": 2,
        }

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name itself: names are derived from ids, and a repeated phase overwrites its file."""
        return name

    def url(self, name: str | None) -> str:
        """The delivery URL of the file; a stored name is that URL."""
        return self._asset(name or "").url()

    def poster_url(self, name: str) -> str:
        """The URL of a still of the video, which Cloudinary selects."""
        url = self._asset(name).url("so_auto/")
        return f"{url.rpartition('.')[0]}.jpg"

    def sized_url(self, name: str, side: int) -> str:
        """The URL of the picture with at most `side` pixels, in a format that the browser accepts."""
        return self._asset(name).url(f"c_limit,f_auto,h_{side},q_auto,w_{side}/")

    def attachment_url(self, name: str, file_name: str) -> str:
        """The URL at which a browser saves the file under a name."""
        stem = re.sub(r"[^\w-]+", "-", PurePosixPath(file_name).stem, flags=re.ASCII).strip("-")  # takes no dot
        return self._asset(name).url(f"fl_attachment:{stem}/" if stem else "fl_attachment/")

    def owns(self, url: str) -> bool:
        """Whether the URL is that of an original file in this account."""
        match = DELIVERY_URL.fullmatch(url)
        if match is None or not match["version"] or match["extension"].lower() not in KINDS:
            return False
        return match["front"].startswith(f"{self._origin}/") and ".." not in match["path"].split("/")

    def exists(self, name: str) -> bool:
        """Whether Cloudinary delivers the file. It may do so for some minutes after its removal."""
        try:
            return self.size(name) >= 0
        except FileMissing:
            return False

    def size(self, name: str) -> int:
        """The size of the file in bytes. Raises FileMissing."""
        return remote_size(self.url(name), self._timeouts)

    def delete(self, name: str) -> None:
        """Remove the file and its derivatives, also from caches; a missing file is fine.

        Skips a file of another account, because its id would name a different file in ours.
        """
        asset = self._asset(name)
        if asset.cloud not in {"", self._account["cloud_name"]}:
            logger.warning("file.removal_skipped", extra={"file": name})
            return
        # no retry here: disposal has its own
        response = self._call("destroy", asset.public_id, resource_type=asset.kind, read=self._timeouts.response)
        if response.get("result") not in {"ok", "not found"}:
            raise StorageError(f"not removed: {response.get('result')!r}", retryable=True)

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        if mode != "rb":
            raise ValueError(f"files of this storage open for reading only, not {mode!r}")
        return File(io.BufferedReader(RemoteFile(self.url(name), self._timeouts), READ_BYTES), name=name)

    def _save(self, name: str, content: "File[Any]") -> str:
        """Upload the file under an id derived from the name; returns the URL from Cloudinary's response."""
        return self.upload(name, content).url

    def upload(self, name: str, content: "File[Any]") -> Uploaded:
        """Upload the file, and return Cloudinary's description of it. Raises StorageError."""
        asset = self._asset(name)
        return self._timeouts.retry(partial(self._upload, asset, content))

    def _upload(self, asset: Asset, content: "File[Any]") -> Uploaded:
        """One try from the first byte. A retry is a new upload; an upload in parts appears once it is complete.

        A single part is not retried: Cloudinary does not document a part that was stored but whose response was lost.
        """
        response: dict[str, Any] = {}
        for headers, data in _parts(asset, content):
            response = self._call(
                "upload_large_part",
                (PurePosixPath(asset.back).name, data),
                public_id=asset.public_id,
                resource_type=asset.kind,
                overwrite=True,
                http_headers=headers,
                read=self._timeouts.video_response if asset.kind == "video" else self._timeouts.response,
                sent=len(data),
            )
        url = str(response.get("secure_url"))
        if not (DELIVERY_URL.fullmatch(url) and is_storable(url, length=NAME_MAX)):
            raise StorageError(f"stored, but at an unknown form of URL: {url}", retryable=True)
        return Uploaded(url, response.get("bytes"), str(response.get("etag")))

    def saved_as(self, name: str) -> str:
        """The name that a file of this folder was saved as. Raises SuspiciousFileOperation for any other file."""
        asset = self._asset(name)
        is_ours = asset.cloud in {"", self._account["cloud_name"]} and asset.public_id.startswith(self._folder)
        if not is_ours:
            raise SuspiciousFileOperation(f"{name!r} is not in the folder of this account")
        return f"{asset.public_id.removeprefix(self._folder)}{PurePosixPath(asset.back).suffix}"

    def files_in(self, folder: str) -> Iterator[StoredFile]:
        """The files whose names begin with the folder, page by page. Raises StorageError."""
        return files_of(self._account, f"{self._folder}{folder}/", len(self._folder), self._timeouts)

    def _call(self, function: str, *args: Any, read: float, sent: int = 0, **options: Any) -> dict[str, Any]:
        """Call a function of the SDK's uploader, and return Cloudinary's response. Raises StorageError.

        urllib3 retries only if no connection was made, so the server sees each call once.
        """
        from cloudinary import uploader  # noqa: PLC0415 - a process that only builds URLs does not need the SDK
        from cloudinary.exceptions import Error  # noqa: PLC0415

        _obey()
        timeout = urllib3.Timeout(connect=self._timeouts.connect, read=read)
        options |= {"type": "upload", "invalidate": True, "return_error": True, "timeout": timeout}
        try:
            with deadlines.limit(self._timeouts.total(response=read, moved=sent)):
                response = getattr(uploader, function)(*args, **self._account, **options)
        except (Error, TypeError) as exc:  # TypeError: the SDK fails on JSON that is not an object
            # no connection, no response, or not Cloudinary's response: the next try may succeed
            reason = _without_digests(explain(exc))
            raise StorageError(f"no response from Cloudinary: {reason}", retryable=True) from exc
        if not isinstance(response, dict):
            raise StorageError("the response is not Cloudinary's", retryable=True)
        if error := response.get("error"):
            status = error["http_code"]  # added by the SDK
            message = f"{status}: {_without_digests(error.get('message'))}"
            if status in _FILE_STATUSES or (status == 400 and _ABOUT_THE_FILE.search(message)):
                raise FileRefused(message)
            raise StorageError(message, retryable=is_transient(status))
        return response

    def _asset(self, name: str) -> Asset:
        is_url_of_file = DELIVERY_URL.fullmatch(name)
        match = is_url_of_file or SAVED_AS.fullmatch(name)
        kind = KINDS.get(match["extension"].lower()) if match else None
        if match is None or kind is None or ".." in match["path"].split("/"):
            raise SuspiciousFileOperation(f"{name!r} is not the name of a file of this storage")
        if is_url_of_file:
            public_id, front, version = unquote(match["path"]), match["front"], match["version"] or ""
            kind = front.split("/")[-3]
        else:
            # v1 marks the beginning of the id; without a version, files in folders are not dropped from caches
            public_id, front, version = f"{self._folder}{match['path']}", f"{self._origin}/{kind}/upload/", "v1/"
        path = match["path"] if is_url_of_file else public_id
        return Asset(kind, public_id, front, f"{version}{path}.{match['extension']}")


class _Account(ExternalFilesMixin, CloudinaryFolder):
    """Also accepts the names of external files."""

    def sized_url(self, name: str, side: int) -> str:
        """The URL of the picture with at most `side` pixels; of an external one the whole picture."""
        return url_of(name) or super().sized_url(name, side)

    def attachment_url(self, name: str, file_name: str) -> str:
        """The URL at which a browser saves the file under a name; an external file's plain URL."""
        return url_of(name) or super().attachment_url(name, file_name)


@deconstructible
class CloudinaryStorage(PreviousStorageMixin, _Account):
    """Also reads and removes files that are still in the previous storage, a local folder."""

    prefix = AT_CLOUDINARY

    def has_url(self, name: str) -> bool:
        """Whether the file is at Cloudinary, not in the previous storage."""
        if is_url(name) or url_of(name) or not SAVED_AS.fullmatch(name):
            return True
        previous = previous_storage()
        return previous is None or not previous.exists(name)


@cache
def _obey() -> None:
    """Make the SDK's connections check the deadline; its pool manager exists by now, without connections."""
    from cloudinary import uploader  # noqa: PLC0415 - see _call

    deadlines.apply_to(uploader._http)  # noqa: SLF001 - the SDK offers no way to pass one in


def _parts(asset: Asset, content: "File[Any]") -> Iterator[tuple[dict[str, str], bytes]]:
    """The headers and data of each request: a large video in parts, anything else whole.

    Cloudinary responds with 500 to images in parts (github.com/cloudinary/cloudinary_php/issues/412, read 2026-11).
    """
    content.seek(0)
    size = content.size
    if asset.kind != "video" or size <= PART_BYTES:
        yield {}, content.read()
        return
    upload_id = secrets.token_hex(16)
    for first in range(0, size, PART_BYTES):
        data = content.read(PART_BYTES)
        last = first + len(data) - 1
        yield {"X-Unique-Upload-Id": upload_id, "Content-Range": f"bytes {first}-{last}/{size}"}, data


def _without_digests(message: object) -> str:
    """At most 500 characters of a message, without signatures: Cloudinary quotes those that it rejects."""
    return _DIGEST.sub("…", str(message))[:500]
