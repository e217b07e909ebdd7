"""Makes the SDK's clients for Google's two houses: the Gemini API, entered with a key, and Vertex AI.

Everything is made on first use, so after any fork, and kept. Submits are the paid calls: each has a connection of its
own, which cannot have been closed by the other side in the meantime, and is sent once. Polls share connections, and run
in threads: docs/providers.md has the measurements.
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

# The module is private, but it is where the SDK's public Interactions client takes its exceptions from.
from google.genai._gaos.lib.compat_errors import APIError as InteractionsError

from studio import deadlines
from videos.providers.base import NotAccepted, ProviderError, Refused, Unreachable
from videos.providers.google_deadlines import session
from videos.providers.google_download import STORAGE_URL, check, download, for_a_while, is_same_origin
from videos.providers.google_failures import describe, is_missing
from videos.providers.google_replies import Film, ThinClient, TooLarge

GEMINI_URL = "https://generativelanguage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_SECONDS = 20  # for all of it; google-auth's own is 120, between two bytes
LOOK_SECONDS = 20  # time-out: a look can be repeated, and a stop request waits for those under way
# Looks at once. Measured: at 0.3 s each, 200 a second; 256 threads and connections need twice the CPU (httpcore
# searches its whole pool for each request), asyncio needs more.
LOOKERS = 64

# What is raised when Google, or whatever replies in its place, does not do as it should. Both halves of the SDK send
# through our client, so nothing is of httpx2. GoogleAuthError: a token ran out just before the request. The last four
# come from converters that were given something else than Google's JSON.
VENDOR_ERRORS = (
    errors.APIError, InteractionsError, GoogleAuthError, httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError,
    AttributeError, LookupError,
)  # fmt: skip

T = TypeVar("T")


class House:
    """One of Google's two houses, as this deployment enters it. Thread-safe.

    `location` is Vertex AI's; not every model is in every one. A key needs none.
    """

    def __init__(self, *, is_vertex: bool, location: str = "") -> None:
        self.is_vertex = is_vertex
        self._location = location
        self.api_key: str = settings.VERTEX_API_KEY if is_vertex else settings.GEMINI_API_KEY
        self._url: str = settings.GOOGLE_VERTEX_BASE_URL if is_vertex else settings.GOOGLE_GEMINI_BASE_URL
        # Where the house's files are, which need its key: in the Gemini API, or in Cloud Storage. A stand-in, or a
        # gateway, stands in for either.
        self.own_url = STORAGE_URL if is_vertex else GEMINI_URL
        self.base_url = self._url or self.own_url
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[genai.Client, ThinClient]] = {}
        self._credentials: Credentials | None = None
        self._threads: ThreadPoolExecutor | None = None  # those that look
        self._downloader: ThinClient | None = None

    def submitter(self) -> genai.Client:
        """The client for paid calls. Raises NotAccepted and Refused when there is no way to sign in."""
        return self._kept("submit", timeout_seconds=settings.PROVIDER_TIMEOUT_SECONDS, keeps_connections=False)

    async def look(self, work: Callable[[], T]) -> T:
        """Run `work`, a look, in a thread. Raises what it raises."""
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(LOOKERS, thread_name_prefix="look")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def watcher(self) -> genai.Client:
        """The client for looks. Raises Unreachable when there is no way to sign in."""
        return _unless_away(lambda: self._kept("look", timeout_seconds=_look_seconds(), keeps_connections=True))

    def save_film(self, work: Callable[[genai.Client], object], destination: Path, *, missing: int) -> None:
        """Run `work`, whose reply has the film in it, and write that to a file. Raises Refused and Unreachable."""
        try:
            with destination.open("wb") as file:
                film = Film(file, most_bytes=settings.VIDEO_MAX_BYTES)
                with self._passing_client(film) as client:
                    work(client)
        except TooLarge as exc:
            raise Refused(str(exc), code="invalid_video") from exc
        if not film.found:
            raise for_a_while("the response has no video in it", code="result_unreadable", missing=missing)

    def save_file(self, url: str, destination: Path, *, missing: int) -> None:
        """Write the file that Google keeps at `url`. Raises Refused and Unreachable."""
        with self._lock:
            if self._downloader is None:
                seconds = settings.PROVIDER_TIMEOUT_SECONDS
                self._downloader = ThinClient(timeout_seconds=seconds, keeps_connections=False)
        download(
            http=self._downloader,
            site=self,
            url=url,
            destination=destination,
            most_bytes=settings.VIDEO_MAX_BYTES,
            missing=missing,
        )

    def check_file(self, url: str) -> None:
        """Ask whether the file that Google keeps at `url` is still there. Raises Refused and Unreachable."""
        with ThinClient(timeout_seconds=_look_seconds(), keeps_connections=False) as http:
            check(http=http, site=self, url=url)

    def headers_for(self, url: httpx.URL) -> Mapping[str, str]:
        """What authorises a request to the URL: nothing where it is not of `base_url`. Raises Unreachable."""
        if not is_same_origin(url, httpx.URL(self.base_url)):
            return {}
        if self.api_key:
            return {"x-goog-api-key": self.api_key}
        return {"Authorization": f"Bearer {_unless_away(self._signed_in).token}"}

    def probe(self) -> None:
        """Ask for one name of the list of models, which costs nothing. Raises Unreachable."""
        try:
            list(self.watcher().models.list(config={"page_size": 1, "query_base": True}).page)
        except VENDOR_ERRORS as exc:
            raise Unreachable(describe(exc)) from exc

    def has_model(self, name: str) -> bool:
        """Whether Google has a model of that name now; asking costs nothing. Raises Unreachable."""
        try:
            model = self.watcher().models.get(model=name)
        except VENDOR_ERRORS as exc:
            if is_missing(exc):
                return False
            raise Unreachable(describe(exc)) from exc
        if not model.name:  # something between us and Google may say 200, too
            raise Unreachable("the response describes no model")
        return True

    def close(self) -> None:
        """Give back connections and threads; for tests, a process just ends."""
        with self._lock:
            if self._threads:
                self._threads.shutdown()
            if self._downloader:
                self._downloader.close()
            for client, http in self._clients.values():
                client.close()
                http.close()
            self._clients, self._threads, self._downloader = {}, None, None

    @contextmanager
    def _passing_client(self, film: Film) -> Iterator[genai.Client]:
        timeout = settings.PROVIDER_TIMEOUT_SECONDS
        with ThinClient(timeout_seconds=timeout, keeps_connections=False, film=film) as http:
            client = _unless_away(lambda: self._made(http, timeout))
            try:
                yield client
            finally:
                client.close()

    def _kept(self, purpose: str, *, timeout_seconds: float, keeps_connections: bool) -> genai.Client:
        """The one client of this process for the purpose, signed in."""
        with self._lock:
            if purpose not in self._clients:
                http = ThinClient(timeout_seconds=timeout_seconds, keeps_connections=keeps_connections)
                self._clients[purpose] = self._made(http, timeout_seconds), http
            elif self.is_vertex and not self.api_key:
                self._sign_in()
            return self._clients[purpose][0]

    def _made(self, http: ThinClient, timeout_seconds: float) -> genai.Client:
        """A client that sends through `http`. Raises NotAccepted and Refused when there is no way to sign in."""
        if not self.api_key and not (self.is_vertex and settings.VERTEX_PROJECT):  # the SDK would look around for one
            raise Refused("neither a key nor a project is set", code="provider_misconfigured")
        options = types.HttpOptions(
            base_url=self._url or None,
            # explicitly: the environment variable GOOGLE_GENAI_API_VERSION would change it
            api_version="v1beta1" if self.is_vertex else "v1beta",
            timeout=int(timeout_seconds * 1000),  # milliseconds
            # No retries: each would be another paid call. The Interactions half has five attempts by default.
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_client=http,
        )
        if not self.is_vertex:
            # explicitly: the environment variable GOOGLE_GENAI_USE_VERTEXAI would send it to the other house
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
        """Credentials whose token is good for some minutes, so that the SDK need not fetch one in the paid call.

        Raises NotAccepted when Google's sign-in is away, and Refused when there is nothing to sign in with.
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


def _look_seconds() -> float:
    return min(LOOK_SECONDS, float(settings.PROVIDER_TIMEOUT_SECONDS))


def _unless_away(work: Callable[[], T]) -> T:
    """Outside a submit, no sign-in just means to ask again."""
    try:
        return work()
    except ProviderError as exc:
        raise Unreachable(str(exc)) from exc
