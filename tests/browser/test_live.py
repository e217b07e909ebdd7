"""A page of another origin follows its jobs with the EventSource code of docs/api.md, and misses nothing in a cut."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route

from studio.env import PROJECT
from tests.browser import chromium
from tests.running import RunningStudio, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
CUT_SECONDS = 10
PAGE = """
<!doctype html><title>jobs</title><script>
const seen = []
const api = async (path, options = {}) => {
  const response = await fetch(API + path, { ...options, headers: { Authorization: 'Bearer ' + TOKEN } })
  if (!response.ok) throw new Error(response.status)
  return response.json()
}
LISTEN
listen(() => seen.push(last))
</script>
"""


@contextmanager
def served(text: str) -> Iterator[str]:
    """The URL of a server that responds with the page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def page_with_the_documented_code(browser: Browser, studio: RunningStudio, client: httpx.Client) -> Page:
    page = chromium.page_of(browser)
    open_the_documented_code(page, studio, client)
    return page


def open_the_documented_code(page: Page, studio: RunningStudio, client: httpx.Client) -> None:
    code = re.search(r"```js\n(const jobs.*?)```", (PROJECT / "docs" / "api.md").read_text(), re.DOTALL)
    assert code
    script = PAGE.replace("LISTEN", code[1]).replace("API", f"'{studio.url}/api/v1'")
    script = script.replace("TOKEN", f"'{client.headers['Authorization'].removeprefix('Bearer ')}'")
    with served(script) as url:
        page.goto(url)


def shown(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("Object.fromEntries(jobs)")
    return found


def listed(client: httpx.Client) -> dict[str, Any]:
    return {job["id"]: job for job in client.get("/api/v1/video-jobs").json()["items"]}


def create(client: httpx.Client, prompt: str) -> str:
    response = client.post("/api/v1/video-jobs", data={"mockMode": "true", "prompt": prompt})
    assert response.status_code == 202
    return str(response.json()["id"])


def until_equal(page: Page, client: httpx.Client) -> None:
    ends_at = time.monotonic() + 40
    while shown(page) != listed(client) and time.monotonic() < ends_at:
        page.wait_for_timeout(200)
    assert shown(page) == listed(client)


def test_page_of_another_origin_misses_nothing(browser: Browser, studio: RunningStudio) -> None:
    client = studio.client("live@example.com")
    before = create(client, "A coat")
    page = page_with_the_documented_code(browser, studio, client)
    page.wait_for_function("jobs.size === 1")
    during = create(client, "A red dress")
    page.wait_for_function(f"jobs.get('{during}')?.status === 'SUCCEEDED'", timeout=60_000)

    ends_at = time.monotonic() + CUT_SECONDS
    made, gone = [create(client, "A hat"), create(client, "A scarf")], before
    while time.monotonic() < ends_at:
        studio.kill("live")
        time.sleep(1)
    client.delete(f"/api/v1/video-jobs/{gone}")
    wait_for(client, made, seconds=60)
    until_equal(page, client)

    assert shown(page).keys() == {during, *made}
    numbers = [int(number) for number in page.evaluate("seen") if number]
    assert numbers == sorted(numbers)
    page.context.close()
    client.close()


def test_list_that_is_older_than_an_event_does_not_win(browser: Browser, studio: RunningStudio) -> None:
    client = studio.client("slow@example.com")
    cancelled, deleted = (create(client, f"A coat [mock:slow={seconds}]") for seconds in (600, 601))
    page = chromium.page_of(browser)
    listed_at_first = client.get("/api/v1/video-jobs?limit=100").text
    held: list[Route] = []

    def hold(route: Route) -> None:  # Playwright sets an attribute of it, which `held.append` cannot have
        held.append(route)

    page.route("**/api/v1/video-jobs?limit=100", hold)
    open_the_documented_code(page, studio, client)
    while not held:
        page.wait_for_timeout(50)

    client.post(f"/api/v1/video-jobs/{cancelled}/cancel").raise_for_status()
    client.delete(f"/api/v1/video-jobs/{deleted}").raise_for_status()
    page.wait_for_function("held?.length >= 2")
    held[0].fulfill(body=listed_at_first, content_type="application/json", headers={"Access-Control-Allow-Origin": "*"})
    until_equal(page, client)

    assert {job["id"]: job["errorCode"] for job in shown(page).values()} == {cancelled: "cancelled"}
    page.context.close()
    client.close()
