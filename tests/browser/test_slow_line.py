"""The first page over a line that stalls within it: what is shown does not move when the rest arrives."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.conftest import SCREENS
from tests.running import RunningStudio

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
STALL_SECONDS = 0.5  # long enough for a browser to show what it has
OBSERVE = """
window.moved = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => { moved += entry.value; }))
    .observe({type: "layout-shift", buffered: true});
"""


class StallingLine:
    """Serves the first page of a site, and stalls at `stall_at`, a byte; sends all other requests to the site."""

    def __init__(self, site_url: str) -> None:
        with urllib.request.urlopen(f"{site_url}/", timeout=30) as response:
            self.page: bytes = response.read()
        self.stall_at = 0
        line = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                is_page = self.path == "/"
                self.send_response(200 if is_page else 307)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(line.page) if is_page else 0))
                self.send_header("Location", f"{site_url}{self.path}")
                self.end_headers()
                if is_page:
                    self.wfile.write(line.page[: line.stall_at])
                    time.sleep(STALL_SECONDS)
                    self.wfile.write(line.page[line.stall_at :])

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def line(site: RunningStudio) -> Iterator[StallingLine]:
    line = StallingLine(site.url)
    yield line
    line.stop()


@pytest.mark.parametrize("after", ["</figure>", "</h1>", "</p>", "</ol>"])
@pytest.mark.parametrize("screen", [*SCREENS, "tablet"])
def test_text_stays_where_it_was_shown(browser: Browser, line: StallingLine, screen: str, after: str) -> None:
    line.stall_at = line.page.index(after.encode()) + len(after)
    page = chromium.page_of(browser, viewport=SCREENS.get(screen, {"width": 800, "height": 900}))
    page.add_init_script(OBSERVE)

    page.goto(line.url)
    page.wait_for_timeout(300)

    assert page.evaluate("moved") < 0.002
    page.context.close()
