"""Lists the files of a Cloudinary folder through its Admin API, a page at a time, so that memory stays bounded."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError

from studio import deadlines
from studio.media.storage.base import StorageError, StoredFile, Timeouts
from studio.media.storage.previous import AT_CLOUDINARY
from studio.media.storage.remote import is_transient, pool
from studio.media.storage.tls_errors import explain

API = "https://api.cloudinary.com"
PAGE = 500  # files; the API's limit (cloudinary.com/documentation/admin_api, read 2026-11)
KINDS = ("video", "image")
PAGE_MAX_BYTES = 4 * 1024 * 1024  # 500 files of less than 2 kB each
RATE_LIMITS = {420, 429}


def files_of(account: Mapping[str, Any], prefix: str, root: int, timeouts: Timeouts) -> Iterator[StoredFile]:
    """The files of both kinds whose public ids begin with `prefix`; the first `root` characters are not in their names.

    The names of a file are the URL of its present version, and the name that it was saved as. Raises StorageError; for
    an hourly rate limit the message says when it resets.
    """
    for kind in KINDS:
        cursor = ""
        while True:
            page = timeouts.retry(partial(_page, account, kind, prefix, cursor, timeouts))
            for found in page["resources"]:
                yield _file(found, root)
            cursor = str(page.get("next_cursor") or "")
            if not cursor:
                break


def _file(found: Mapping[str, Any], root: int) -> StoredFile:
    try:
        name = f"{found['public_id'][root:]}.{found['format']}"
        modified_at = datetime.fromisoformat(str(found["created_at"]))
        return StoredFile((str(found["secure_url"]), name, f"{AT_CLOUDINARY}{name}"), int(found["bytes"]), modified_at)
    except (KeyError, TypeError, ValueError) as exc:
        raise StorageError(f"Cloudinary's listing has an unknown form: {exc!r}", retryable=False) from exc


def _page(account: Mapping[str, Any], kind: str, prefix: str, cursor: str, timeouts: Timeouts) -> dict[str, Any]:
    query = {"prefix": prefix, "max_results": str(PAGE)} | ({"next_cursor": cursor} if cursor else {})
    url = f"{account['upload_prefix'] or API}/v1_1/{quote(account['cloud_name'])}/resources/{kind}/upload"
    headers = urllib3.make_headers(basic_auth=f"{account['api_key']}:{account['api_secret']}")
    try:
        with deadlines.limit(timeouts.total(response=timeouts.response, moved=PAGE_MAX_BYTES)):
            response = pool.request(
                "GET",
                f"{url}?{urlencode(query)}",
                headers=headers,
                timeout=urllib3.Timeout(connect=timeouts.connect, read=timeouts.response),
                preload_content=False,
                redirect=False,
                retries=False,
            )
            body = response.read(PAGE_MAX_BYTES + 1)
            response.close()
    except HTTPError as exc:
        raise StorageError(f"no response from Cloudinary's Admin API: {explain(exc)}", retryable=True) from exc
    if response.status != 200:
        raise _refusal(response)
    try:
        page = json.loads(body)
    except ValueError:
        page = None
    if not isinstance(page, dict) or not isinstance(page.get("resources"), list):
        raise StorageError("the response is not Cloudinary's", retryable=True)
    return page


def _refusal(response: urllib3.BaseHTTPResponse) -> StorageError:
    status = response.status
    if status in RATE_LIMITS:
        reset = response.headers.get("X-FeatureRateLimit-Reset", "within the hour")
        limit = response.headers.get("X-FeatureRateLimit-Limit", "too many")
        return StorageError(
            f"Cloudinary's Admin API allows {limit} calls an hour, and they are used up; the limit resets: {reset}.",
            retryable=False,  # not within seconds
        )
    reason = response.headers.get("X-Cld-Error", "no reason stated")
    return StorageError(f"Cloudinary's Admin API responded {status}: {reason}", retryable=is_transient(status))
