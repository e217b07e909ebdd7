"""Files kept at Cloudinary.

The name that a file is stored under is the URL that Cloudinary answered, whatever host it is on. Every method takes
the name that the file was saved as (`videos/1.mp4`), too.
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
from studio.media.storage.base import NAME_MAX, FileMissing, FileRefused, Patience, StorageError, StoredFile
from studio.media.storage.cloudinary_listing import files_of
from studio.media.storage.cloudinary_names import ANSWERED, KINDS, SAVED_AS, Asset, Uploaded
from studio.media.storage.delivery import DeliveredFile, is_passing, size_at
from studio.media.storage.external import TakesFilesElsewhere, url_of
from studio.media.storage.previous import AT_CLOUDINARY, TakesFormerFiles, former_storage, is_url
from studio.media.storage.trust import in_words

logger = logging.getLogger(__name__)

# At least 5 MB but for the last part (SDK 1.46.3, docs/upload-large-video.md). The SDK holds a part in memory three
# times, and an upload runs in each of many threads: no more than that needs.
PART_BYTES = 6 * 1024 * 1024
READ_BYTES = 64 * 1024
PATIENCE = Patience()

# A refusal that is about the file, and not about the account, the request or the time. 413 and 415 say so themselves;
# of a 400 only the words tell: "File size too large. Got 12419652. Maximum is 10485760." (support.cloudinary.com),
# "Invalid image file", "Unsupported video format or file", "Maximum image size is 25 Megapixels", "Empty file" (read
# 2026-11). A sentence that is not among these is taken for the account's: what it means is that a person has to look.
_OF_THE_FILE = {413, 415}
_ABOUT_THE_FILE = re.compile(
    r"(?:file size|image|video|file)(?: is)? too (?:large|long|big)|maximum (?:image|video|file) size"
    r"|(?:invalid|unsupported) (?:image|video|file)|empty file|file format .* not (?:allowed|supported)",
    re.IGNORECASE,
)
_DIGEST = re.compile(r"\b[0-9a-f]{40,64}\b")


class CloudinaryFolder(Storage):
    """A folder of one Cloudinary account. Raises StorageError, or SuspiciousFileOperation for a name not of its kind.

    Nothing is kept in or taken from the SDK's global configuration, so there can be several.
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
        patience: Patience = PATIENCE,
    ) -> None:
        """`upload_prefix` is the API's origin, `secure_distribution` the host of files if not Cloudinary's own."""
        self._folder = f"{folder}/" if folder else ""
        host = secure_distribution or (f"{cloud_name}-res.cloudinary.com" if private_cdn else "res.cloudinary.com")
        self._origin = (host if "://" in host else f"https://{host}") + ("" if private_cdn else f"/{cloud_name}")
        self._patience = patience
        # All that the SDK would look up in its global configuration.
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
        """The name itself: names come from ids, and a repeated step writes the same file again."""
        return name

    def url(self, name: str | None) -> str:
        """Where the file is; for a stored name the very URL that Cloudinary answered."""
        return self._asset(name or "").url()

    def poster_url(self, name: str) -> str:
        """A still of the video, from where Cloudinary thinks that it looks best."""
        url = self._asset(name).url("so_auto/")
        return f"{url.rpartition('.')[0]}.jpg"

    def attachment_url(self, name: str, file_name: str) -> str:
        """The same file, to be saved by the browser under a name."""
        stem = re.sub(r"[^\w-]+", "-", PurePosixPath(file_name).stem, flags=re.ASCII).strip("-")  # takes no dot
        return self._asset(name).url(f"fl_attachment:{stem}/" if stem else "fl_attachment/")

    def owns(self, url: str) -> bool:
        """Whether the URL is that of a file of this account, as it was stored, whoever stored it."""
        match = ANSWERED.fullmatch(url)
        if match is None or not match["version"] or match["extension"].lower() not in KINDS:
            return False
        return match["front"].startswith(f"{self._origin}/") and ".." not in match["path"].split("/")

    def exists(self, name: str) -> bool:
        """Whether it is delivered. For some minutes after its removal it may still be."""
        try:
            return self.size(name) >= 0
        except FileMissing:
            return False

    def size(self, name: str) -> int:
        """Its length in bytes. Raises FileMissing."""
        return size_at(self.url(name), self._patience)

    def delete(self, name: str) -> None:
        """Remove the file and what was derived from it, also from the caches; one that is not there is fine.

        One of another account is left alone: its id would name some other file in ours.
        """
        asset = self._asset(name)
        if asset.cloud not in {"", self._account["cloud_name"]}:
            logger.warning("file of another account not removed", extra={"file": name})
            return
        # not repeated here: whoever removes files has retries of his own
        answer = self._call("destroy", asset.public_id, resource_type=asset.kind, read=self._patience.answer)
        if answer.get("result") not in {"ok", "not found"}:
            raise StorageError(f"not removed: {answer.get('result')!r}", retryable=True)

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        if mode != "rb":
            raise ValueError(f"files of this storage are opened for reading only, not {mode!r}")
        return File(io.BufferedReader(DeliveredFile(self.url(name), self._patience), READ_BYTES), name=name)

    def _save(self, name: str, content: "File[Any]") -> str:
        """Upload the file under an id that follows from the name; returns the URL that Cloudinary answered."""
        return self.upload(name, content).url

    def upload(self, name: str, content: "File[Any]") -> Uploaded:
        """Upload the file, and say what Cloudinary says of it. Raises StorageError."""
        asset = self._asset(name)
        return self._patience.attempt(partial(self._upload, asset, content))

    def _upload(self, asset: Asset, content: "File[Any]") -> Uploaded:
        """One try, from the first byte. A new try is a new upload: one in parts shows when all are there, or never.

        A part is not repeated: what becomes of one that was stored while its answer was lost is nowhere documented.
        """
        answer: dict[str, Any] = {}
        for headers, data in _parts(asset, content):
            answer = self._call(
                "upload_large_part",
                (PurePosixPath(asset.back).name, data),
                public_id=asset.public_id,
                resource_type=asset.kind,
                overwrite=True,
                http_headers=headers,
                read=self._patience.video_answer if asset.kind == "video" else self._patience.answer,
                sent=len(data),
            )
        url = str(answer.get("secure_url"))
        if not (ANSWERED.fullmatch(url) and is_storable(url, length=NAME_MAX)):
            raise StorageError(f"stored, but at no URL that is understood: {url}", retryable=True)
        return Uploaded(url, answer.get("bytes"), str(answer.get("etag")))

    def saved_as(self, name: str) -> str:
        """The name that a file of this folder was saved as. Raises SuspiciousFileOperation for another one's URL."""
        asset = self._asset(name)
        is_ours = asset.cloud in {"", self._account["cloud_name"]} and asset.public_id.startswith(self._folder)
        if not is_ours:
            raise SuspiciousFileOperation(f"{name!r} is not in the folder of this account")
        return f"{asset.public_id.removeprefix(self._folder)}{PurePosixPath(asset.back).suffix}"

    def files_in(self, folder: str) -> Iterator[StoredFile]:
        """The files whose names begin with the folder's, page by page. Raises StorageError."""
        return files_of(self._account, f"{self._folder}{folder}/", len(self._folder), self._patience)

    def _call(self, function: str, *args: Any, read: float, sent: int = 0, **options: Any) -> dict[str, Any]:
        """What Cloudinary answers to a call of the SDK's uploader. Raises StorageError.

        urllib3 repeats a call only when no connection was made, so the server sees each of ours once.
        """
        from cloudinary import uploader  # noqa: PLC0415 - a process that only shows where files are does without the SDK
        from cloudinary.exceptions import Error  # noqa: PLC0415

        _obey()
        timeout = urllib3.Timeout(connect=self._patience.connect, read=read)
        options |= {"type": "upload", "invalidate": True, "return_error": True, "timeout": timeout}
        try:
            with deadlines.limit(self._patience.whole(answer=read, moved=sent)):
                answer = getattr(uploader, function)(*args, **self._account, **options)
        except (Error, TypeError) as exc:  # TypeError: the SDK stumbles over JSON that is no object
            # no connection, no answer, or one that is not Cloudinary's: says nothing about the next
            raise StorageError(f"no answer from Cloudinary: {_without_digests(in_words(exc))}", retryable=True) from exc
        if not isinstance(answer, dict):
            raise StorageError("the answer is not Cloudinary's", retryable=True)
        if error := answer.get("error"):
            status = error["http_code"]  # added by the SDK
            message = f"{status}: {_without_digests(error.get('message'))}"
            if status in _OF_THE_FILE or (status == 400 and _ABOUT_THE_FILE.search(message)):
                raise FileRefused(message)
            raise StorageError(message, retryable=is_passing(status))
        return answer

    def _asset(self, name: str) -> Asset:
        answered = ANSWERED.fullmatch(name)
        match = answered or SAVED_AS.fullmatch(name)
        kind = KINDS.get(match["extension"].lower()) if match else None
        if match is None or kind is None or ".." in match["path"].split("/"):
            raise SuspiciousFileOperation(f"{name!r} is no name of a file of this storage")
        if answered:
            public_id, front, version = unquote(match["path"]), match["front"], match["version"] or ""
            kind = front.split("/")[-3]
        else:
            # v1 says where the id begins; without any version, what is in folders is not dropped from caches
            public_id, front, version = f"{self._folder}{match['path']}", f"{self._origin}/{kind}/upload/", "v1/"
        path = match["path"] if answered else public_id
        return Asset(kind, public_id, front, f"{version}{path}.{match['extension']}")


class _Account(TakesFilesElsewhere, CloudinaryFolder):
    """The same, which also takes the names of files of another system."""

    def attachment_url(self, name: str, file_name: str) -> str:
        """The same file, to be saved by the browser under a name; one of another system just by its URL."""
        return url_of(name) or super().attachment_url(name, file_name)


@deconstructible
class CloudinaryStorage(TakesFormerFiles, _Account):
    """The same, which also reads and removes files of the folder of before."""

    prefix = AT_CLOUDINARY

    def has_url(self, name: str) -> bool:
        """Whether it is not in the folder of before."""
        if is_url(name) or url_of(name) or not SAVED_AS.fullmatch(name):
            return True
        former = former_storage()
        return former is None or not former.exists(name)


@cache
def _obey() -> None:
    """Have the SDK's connections look at the clock; it has made its manager of them by then, and no connection."""
    from cloudinary import uploader  # noqa: PLC0415 - see _call

    deadlines.obeying(uploader._http)


def _parts(asset: Asset, content: "File[Any]") -> Iterator[tuple[dict[str, str], bytes]]:
    """What to send: a large video in parts, anything else in one.

    Pictures in parts are answered with 500 (github.com/cloudinary/cloudinary_php/issues/412, read 2026-11).
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


def _without_digests(said: object) -> str:
    """At most 500 characters, without signatures: Cloudinary quotes those that it refuses."""
    return _DIGEST.sub("…", str(said))[:500]
