"""Lists the files of a Cloudinary folder with its Admin API, a page at a time, so that memory does not grow with it."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError

from studio import deadlines
from studio.media.storage.base import Patience, StorageError, StoredFile
from studio.media.storage.delivery import is_passing, pool
from studio.media.storage.previous import AT_CLOUDINARY
from studio.media.storage.trust import in_words

API = "https://api.cloudinary.com"
PAGE = 500  # files; the API's limit (cloudinary.com/documentation/admin_api, read 2026-11)
KINDS = ("video", "image")
ANSWER_MAX = 4 * 1024 * 1024  # bytes of a page: 500 files of less than 2 kB each
RATE_LIMITS = {420, 429}


def files_of(account: Mapping[str, Any], prefix: str, root: int, patience: Patience) -> Iterator[StoredFile]:
    """The files of both kinds whose public ids begin with `prefix`; of their names `root` characters are left out.

    A name is the URL that Cloudinary has for the present version, then the name that the file was saved as. Raises
    StorageError; for a rate limit that lasts, it says until when.
    """
    for kind in KINDS:
        cursor = ""
        while True:
            page = patience.attempt(partial(_page, account, kind, prefix, cursor, patience))
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
        raise StorageError(f"Cloudinary lists a file that is not understood: {exc!r}", retryable=False) from exc


def _page(account: Mapping[str, Any], kind: str, prefix: str, cursor: str, patience: Patience) -> dict[str, Any]:
    wanted = {"prefix": prefix, "max_results": str(PAGE)} | ({"next_cursor": cursor} if cursor else {})
    url = f"{account['upload_prefix'] or API}/v1_1/{quote(account['cloud_name'])}/resources/{kind}/upload"
    headers = urllib3.make_headers(basic_auth=f"{account['api_key']}:{account['api_secret']}")
    try:
        with deadlines.limit(patience.whole(answer=patience.answer, moved=ANSWER_MAX)):
            response = pool.request(
                "GET",
                f"{url}?{urlencode(wanted)}",
                headers=headers,
                timeout=urllib3.Timeout(connect=patience.connect, read=patience.answer),
                preload_content=False,
                redirect=False,
                retries=False,
            )
            body = response.read(ANSWER_MAX + 1)
            response.close()
    except HTTPError as exc:
        raise StorageError(f"no answer from Cloudinary's Admin API: {in_words(exc)}", retryable=True) from exc
    if response.status != 200:
        raise _refusal(response)
    try:
        page = json.loads(body)
    except ValueError:
        page = None
    if not isinstance(page, dict) or not isinstance(page.get("resources"), list):
        raise StorageError("the answer is not Cloudinary's", retryable=True)
    return page


def _refusal(response: urllib3.BaseHTTPResponse) -> StorageError:
    status = response.status
    if status in RATE_LIMITS:
        reset = response.headers.get("X-FeatureRateLimit-Reset", "within the hour")
        limit = response.headers.get("X-FeatureRateLimit-Limit", "too many")
        return StorageError(
            f"Cloudinary's Admin API takes {limit} calls an hour, and those are used up; it begins again: {reset}.",
            retryable=False,  # a pause of seconds does not help
        )
    reason = response.headers.get("X-Cld-Error", "no reason given")
    return StorageError(f"Cloudinary's Admin API answered {status}: {reason}", retryable=is_passing(status))
