"""Builds the SDK's clients for Google's two backends: the Gemini API, which takes a key, and Vertex AI.

Clients are built on first use, so after any fork, and kept. A submit is a paid call: each is sent once, over a new
connection, which the server cannot have closed in the meantime. Polls share connections and run in threads;
docs/providers.md has the measurements.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import google.auth
import httpx
from django.conf import settings
from google import genai
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request as TokenRequest
from google.genai import errors, types

# The SDK's public Interactions client raises exceptions of this private module only.
from google.genai._gaos.lib.compat_errors import APIError as InteractionsError

from studio import deadlines
from videos.providers.base import NotAccepted, ProviderError, Refused, Unreachable
from videos.providers.google_deadlines import session
from videos.providers.google_download import STORAGE_URL, check, download, is_same_origin, missing_result
from videos.providers.google_failures import (
    describe,
    is_missing,
)
from videos.providers.google_http import BoundedClient, InlineVideo, TooLarge

GEMINI_URL = "https://generativelanguage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_SECONDS = 20  # for the whole exchange; google-auth's own limit is 120 s between two bytes
POLL_SECONDS = 20  # time-out: a poll can be repeated, and a stopping process waits for the polls in flight
# Measured: 200 polls a second at 0.3 s each. 256 threads and connections need twice the CPU (httpcore searches its
# whole pool for each request); asyncio needs more.
POLL_THREADS = 64

# What the SDK raises when Google, or a proxy in its place, misbehaves. Both halves of the SDK send through our client,
# so none of these is of httpx2. GoogleAuthError: a token expired just before the request. The last four come from
# converters that got something other than Google's JSON.
VENDOR_ERRORS = (
    errors.APIError, InteractionsError, GoogleAuthError, httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError,
    AttributeError, LookupError,
)  # fmt: skip

T = TypeVar("T")


class GoogleBackend:
    """The Gemini API or Vertex AI with the credentials of this deployment. Thread-safe.

    `location` is for Vertex AI with a project; not every location has every model. A key needs none.
    """

    def __init__(self, *, is_vertex: bool, location: str = "") -> None:
        self.is_vertex = is_vertex
        self._location = location
        self.api_key: str = settings.VERTEX_API_KEY if is_vertex else settings.GEMINI_API_KEY
        self._url: str = settings.GOOGLE_VERTEX_BASE_URL if is_vertex else settings.GOOGLE_GEMINI_BASE_URL
        # The host of the backend's files, which need its key: the Gemini API or Cloud Storage. A gateway or a fake
        # serves both the API and the files.
        self.own_url = STORAGE_URL if is_vertex else GEMINI_URL
        self.base_url = self._url or self.own_url
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[genai.Client, BoundedClient]] = {}
        self._credentials: Credentials | None = None
        self._poll_threads: ThreadPoolExecutor | None = None
        self._downloader: BoundedClient | None = None

    def submit_client(self) -> genai.Client:
        """The client for paid calls. Raises NotAccepted or Refused if signing in fails."""
        return self._client("submit", timeout_seconds=settings.PROVIDER_TIMEOUT_SECONDS, keeps_connections=False)

    async def run_poll(self, poll: Callable[[], T]) -> T:
        """Run `poll` in a thread. Raises what it raises."""
        with self._lock:
            if self._poll_threads is None:
                self._poll_threads = ThreadPoolExecutor(POLL_THREADS, thread_name_prefix="poll")
        return await asyncio.get_running_loop().run_in_executor(self._poll_threads, poll)

    def poll_client(self) -> genai.Client:
        """The client for polls. Raises Unreachable if signing in fails."""
        return _as_unreachable(lambda: self._client("poll", timeout_seconds=_poll_timeout(), keeps_connections=True))

    def save_inline_video(self, request: Callable[[genai.Client], object], destination: Path, *, missing: int) -> None:
        """Make the request, and write the video inside its response to a file. Raises Refused or Unreachable."""
        try:
            with destination.open("wb") as file:
                video = InlineVideo(file, most_bytes=settings.VIDEO_MAX_BYTES)
                with self._temporary_client(video) as client:
                    request(client)
        except TooLarge as exc:
            raise Refused(str(exc), code="invalid_video") from exc
        if not video.found:
            raise missing_result("the response has no video in it", code="result_unreadable", missing=missing)

    def save_file(self, url: str, destination: Path, *, missing: int) -> None:
        """Write Google's file at `url` to `destination`. Raises Refused or Unreachable."""
        with self._lock:
            if self._downloader is None:
                seconds = settings.PROVIDER_TIMEOUT_SECONDS
                self._downloader = BoundedClient(timeout_seconds=seconds, keeps_connections=False)
        download(
            http=self._downloader,
            backend=self,
            url=url,
            destination=destination,
            most_bytes=settings.VIDEO_MAX_BYTES,
            missing=missing,
        )

    def check_file(self, url: str) -> None:
        """Ask whether Google still has the file at `url`. Raises Refused or Unreachable."""
        with BoundedClient(timeout_seconds=_poll_timeout(), keeps_connections=False) as http:
            check(http=http, backend=self, url=url)

    def headers_for(self, url: httpx.URL) -> Mapping[str, str]:
        """The headers that authorise a request to the URL; empty for another host than `base_url`.

        Raises Unreachable if signing in fails.
        """
        if not is_same_origin(url, httpx.URL(self.base_url)):
            return {}
        if self.api_key:
            return {"x-goog-api-key": self.api_key}
        return {"Authorization": f"Bearer {_as_unreachable(self._signed_in).token}"}

    def probe(self) -> None:
        """Request one entry of the list of models, which costs nothing. Raises Unreachable."""
        try:
            list(self.poll_client().models.list(config={"page_size": 1, "query_base": True}).page)
        except VENDOR_ERRORS as exc:
            raise Unreachable(describe(exc)) from exc

    def has_model(self, name: str) -> bool:
        """Whether Google has a model with that name now; the request costs nothing. Raises Unreachable."""
        try:
            model = self.poll_client().models.get(model=name)
        except VENDOR_ERRORS as exc:
            if is_missing(exc):
                return False
            raise Unreachable(describe(exc)) from exc
        if not model.name:  # a proxy between us and Google may send 200, too
            raise Unreachable("the response describes no model")
        return True

    def close(self) -> None:
        """Close connections and threads. Tests call this; a process just ends."""
        with self._lock:
            if self._poll_threads:
                self._poll_threads.shutdown()
            if self._downloader:
                self._downloader.close()
            for client, http in self._clients.values():
                client.close()
                http.close()
            self._clients, self._poll_threads, self._downloader = {}, None, None

    @contextmanager
    def _temporary_client(self, video: InlineVideo) -> Iterator[genai.Client]:
        timeout = settings.PROVIDER_TIMEOUT_SECONDS
        with BoundedClient(timeout_seconds=timeout, keeps_connections=False, video=video) as http:
            client = _as_unreachable(lambda: self._new_client(http, timeout))
            try:
                yield client
            finally:
                client.close()

    def _client(self, purpose: str, *, timeout_seconds: float, keeps_connections: bool) -> genai.Client:
        """This process's client for the purpose, signed in."""
        with self._lock:
            if purpose not in self._clients:
                http = BoundedClient(timeout_seconds=timeout_seconds, keeps_connections=keeps_connections)
                self._clients[purpose] = self._new_client(http, timeout_seconds), http
            elif self.is_vertex and not self.api_key:
                self._sign_in()
            return self._clients[purpose][0]

    def _new_client(self, http: BoundedClient, timeout_seconds: float) -> genai.Client:
        """A client that sends through `http`. Raises NotAccepted or Refused if signing in fails."""
        if not self.api_key and not (self.is_vertex and settings.VERTEX_PROJECT):  # the SDK would search for one
            raise Refused("neither a key nor a project is set", code="provider_misconfigured")
        options = types.HttpOptions(
            base_url=self._url or None,
            # explicit, because the environment variable GOOGLE_GENAI_API_VERSION would change it
            api_version="v1beta1" if self.is_vertex else "v1beta",
            timeout=int(timeout_seconds * 1000),  # milliseconds
            # No retries: each would be another paid call. The SDK's Interactions client makes five attempts by default.
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_client=http,
        )
        if not self.is_vertex:
            # explicit, because the environment variable GOOGLE_GENAI_USE_VERTEXAI would send it to the other backend
            return genai.Client(vertexai=False, api_key=self.api_key, http_options=options)
        if self.api_key:
            return genai.Client(vertexai=True, api_key=self.api_key, http_options=options)
        return genai.Client(
            vertexai=True,
            credentials=self._sign_in(),
            project=settings.VERTEX_PROJECT,
            location=self._location,
            http_options=options,
        )

    def _signed_in(self) -> Credentials:
        with self._lock:
            return self._sign_in()

    def _sign_in(self) -> Credentials:
        """Credentials whose token is valid for minutes, so that the SDK does not fetch one within the paid call.

        Raises NotAccepted if Google's sign-in is unavailable, and Refused if it rejects us or we have no credentials.
        """
        try:
            if self._credentials is None:
                self._credentials, _ = google.auth.default(scopes=[SCOPE])
            if not self._credentials.valid:
                with deadlines.limit(TOKEN_SECONDS), session() as http:
                    request = functools.partial(TokenRequest(http), timeout=TOKEN_SECONDS)
                    self._credentials.refresh(request)  # type: ignore[no-untyped-call]  # Google does not annotate it
        except GoogleAuthError as exc:
            if exc.retryable or isinstance(exc, TransportError):
                raise NotAccepted(describe(exc)) from exc
            raise Refused(describe(exc), code="provider_misconfigured") from exc
        return self._credentials


def _poll_timeout() -> float:
    return min(POLL_SECONDS, float(settings.PROVIDER_TIMEOUT_SECONDS))


def _as_unreachable(sign_in: Callable[[], T]) -> T:
    """Outside a submit, a failed sign-in only means to ask again later."""
    try:
        return sign_in()
    except ProviderError as exc:
        raise Unreachable(str(exc)) from exc
