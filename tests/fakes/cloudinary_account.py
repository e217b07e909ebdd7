"""The state of the fake Cloudinary: an account, its files, logged calls and scheduled faults."""

import hashlib
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.fakes.faults import Fault, take_next

STALE_SECONDS = 3600
UNSIGNED = {"file", "api_key", "signature", "resource_type", "cloud_name"}
TYPES = {"mp4": "video/mp4", "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


class Refusal(Exception):
    """A response other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Stored:
    """A file, and how it is delivered."""

    data: bytes
    version: int
    format: str


@dataclass
class Account:
    """One account. `part_min`: minimum bytes of every part but the last; `page_most`: files per page of a listing."""

    cloud: str = "demo"
    key: str = "key"
    secret: str = "secret"
    part_min: int = 5_000_000
    page_most: int = 500
    delivery: str = ""
    files: dict[tuple[str, str], Stored] = field(default_factory=dict)  # by resource type and public id
    unfinished: dict[str, bytearray] = field(default_factory=dict)  # parts, by the id of the upload
    finished: set[str] = field(default_factory=set)
    calls: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def next_fault(self, on: str) -> str:
        with self.lock:
            fault = take_next(self.faults, on)
        return fault.fault if fault else ""

    def as_json(self) -> dict[str, Any]:
        with self.lock:
            files = {
                "/".join(key): {
                    "bytes": len(file.data),
                    "sha256": hashlib.sha256(file.data).hexdigest(),
                    "version": file.version,
                    "format": file.format,
                }
                for key, file in self.files.items()
            }
            return {"files": files, "unfinished": len(self.unfinished), "calls": list(self.calls)}

    def authorise(self, cloud: str, fields: dict[str, str]) -> None:
        """Refuse a request without a recent signature by our secret."""
        if cloud != self.cloud:
            raise Refusal(401, "cloud_name mismatch")
        if fields.get("api_key") != self.key:
            raise Refusal(401, f"Invalid api_key {fields.get('api_key')}")
        signed = {name: value for name, value in fields.items() if name not in UNSIGNED and value}
        to_sign = "&".join(sorted(f"{name}={value}".replace("&", "%26") for name, value in signed.items()))
        given = fields.get("signature", "")
        algorithm = hashlib.sha256 if len(given) == 64 else hashlib.sha1
        if algorithm((to_sign + self.secret).encode()).hexdigest() != given:
            raise Refusal(401, f"Invalid Signature {given}. String to sign - '{to_sign}'.")
        if abs(time.time() - int(fields["timestamp"])) > STALE_SECONDS:
            raise Refusal(400, "Stale request - reported time is too far from ours")

    def with_part(self, upload_id: str, content_range: str, data: bytes) -> bytes | None:
        """Add a part; returns the whole file after the last one, else None."""
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", content_range)
        if match is None or upload_id in self.finished:
            raise Refusal(400, "Invalid Content-Range or X-Unique-Upload-Id")
        first, last, size = map(int, match.groups())
        with self.lock:
            parts = self.unfinished.setdefault(upload_id, bytearray())
            if first != len(parts) or last - first + 1 != len(data):
                raise Refusal(400, f"Part {match[0]} does not follow the {len(parts)} bytes before")
            if last + 1 < size and len(data) < self.part_min:
                raise Refusal(400, "All parts but the last must be larger than 5mb")
            parts += data
            if len(parts) < size:
                return None
            self.finished.add(upload_id)
            return bytes(self.unfinished.pop(upload_id))

    def store(self, kind: str, fields: dict[str, str], data: bytes) -> dict[str, Any]:
        found = _format_of(data)
        if found is None or (TYPES[found].startswith("video") != (kind == "video")):
            raise Refusal(400, "Unsupported video format or file" if kind == "video" else "Invalid image file")
        public_id = fields["public_id"]
        with self.lock:
            stored = self.files.get((kind, public_id))
            if stored is None or fields.get("overwrite") == "1":
                version = max(int(time.time()), stored.version + 1 if stored else 0)
                stored = self.files[kind, public_id] = Stored(data, version, found)
        return self._facts(kind, public_id, stored) | {"etag": hashlib.md5(stored.data).hexdigest()}

    def _facts(self, kind: str, public_id: str, stored: Stored) -> dict[str, Any]:
        url = f"{self.delivery}/{kind}/upload/v{stored.version}/{quote(public_id)}.{stored.format}"
        return {
            "public_id": public_id,
            "version": stored.version,
            "format": stored.format,
            "resource_type": kind,
            "type": "upload",
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stored.version)),
            "bytes": len(stored.data),
            "url": url,
            "secure_url": url,
        }

    def listed(self, kind: str, *, prefix: str = "", max_results: str = "10", next_cursor: str = "") -> dict[str, Any]:
        """A page of files by public id; the cursor is the last id of the previous page, reversed to be opaque."""
        with self.lock:
            ids = sorted(id_ for kind_, id_ in self.files if kind_ == kind and id_.startswith(prefix))
            left = [id_ for id_ in ids if id_ > next_cursor[::-1]]
            page = left[: min(int(max_results), self.page_most)]
            found = {"resources": [self._facts(kind, id_, self.files[kind, id_]) for id_ in page]}
            return found | ({"next_cursor": page[-1][::-1]} if len(left) > len(page) else {})

    def destroy(self, kind: str, public_id: str) -> dict[str, Any]:
        with self.lock:
            return {"result": "ok" if self.files.pop((kind, public_id), None) else "not found"}


def _format_of(data: bytes) -> str | None:
    starts = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp"}
    if data[4:8] == b"ftyp":
        return "mp4"
    return next((name for start, name in starts.items() if data.startswith(start)), None)
