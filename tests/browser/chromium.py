"""The system's Chromium, headless, driven by Playwright's client; no browser is ever downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",  # tests run in containers, as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE_MS = 20_000  # for one step on a busy machine


def path() -> str | None:
    """The browser's path; None if none is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path(), args=ARGUMENTS, timeout=60_000)
        try:
            yield running
        finally:
            running.close()


def page_of(running: Browser, *, viewport: dict[str, int] = DESKTOP, **options: object) -> Page:
    """A page in a context of its own, with a time-out."""
    page = running.new_context(viewport=viewport, **options).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE_MS)
    return page


def slow_down(page: Page, *, latency_ms: float = 150, bits_a_second: float = 1_600_000, cpu: float = 4) -> None:
    """Make the page's line slow, by default fast 3G, and its processor as many times slower."""
    session = page.context.new_cdp_session(page)
    line = {"downloadThroughput": bits_a_second / 8, "uploadThroughput": bits_a_second / 16, "latency": latency_ms}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False, **line})
    session.send("Emulation.setCPUThrottlingRate", {"rate": cpu})


def wait_until(page: Page, expression: str) -> None:
    """Wait until the expression is true. `wait_for_function` needs `eval`, which our content policies forbid."""
    for _ in range(PATIENCE_MS // 100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"still not true: {expression}")


def sign_in(page: Page, *, url: str, email: str, password: str) -> None:
    """Sign in through the admin's form."""
    page.goto(f"{url}/admin/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Jobs now").wait_for()
