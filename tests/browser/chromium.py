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


def sign_in(page: Page, *, url: str, email: str, password: str) -> None:
    """Sign in through the admin's form."""
    page.goto(f"{url}/admin/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Jobs now").wait_for()
