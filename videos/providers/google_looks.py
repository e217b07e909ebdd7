"""Looks at Veo in the Gemini API, the call that is made most often, without the SDK's work around a request.

The SDK takes twice as long for a look as this does (docs/providers.md); what replies mean is left to its types and
errors, and the paid call to the SDK itself.
"""

import json
from typing import Any

import httpx
import urllib3
from google.genai import errors, types

from videos.providers.google_replies import thinned, trusted

VERSION = "v1beta"  # of the API, as google-genai 2.34.0 has it
CHUNK_BYTES = 64 * 1024


class Looker:
    """Asks over connections that are kept, `connections` of them. Thread-safe."""

    def __init__(self, *, base_url: str, api_key: str, connections: int, timeout: urllib3.Timeout) -> None:
        self._url = f"{base_url.rstrip('/')}/{VERSION}"
        # what is thinned must not be compressed
        self._headers = {"x-goog-api-key": api_key, "Accept-Encoding": "identity", "User-Agent": "ai-studio"}
        # No retries: the sweeper is the retry. No redirects: the key would go along to wherever a reply points.
        self._pool = urllib3.PoolManager(maxsize=connections, ssl_context=trusted(), timeout=timeout, retries=False)

    def operation(self, name: str) -> types.GenerateVideosOperation:
        """How the work of that name stands. Raises google_client.VENDOR_ERRORS."""
        url = f"{self._url}/{name}"
        response = self._pool.request("GET", url, headers=self._headers, redirect=False, preload_content=False)
        try:
            body = b"".join(thinned(response.stream(CHUNK_BYTES)))
        except BaseException:
            response.close()  # with its connection, on which the rest of the reply may still come
            raise
        response.release_conn()
        if response.status != httpx.codes.OK:
            asked = httpx.Request("GET", url)
            errors.APIError.raise_for_response(httpx.Response(response.status, content=body, request=asked))
        told: Any = json.loads(body)
        return types.GenerateVideosOperation.from_api_response(told)

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()
