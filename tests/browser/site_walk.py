"""A person at our pages: a browser that notices errors, and the steps of the walk."""

import io
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, Response, expect

from studio.env import PROJECT
from tests.browser import chromium
from tests.running import PASSWORD, RunningStudio

WIDE = {"width": 1440, "height": 900}
LOOK = PROJECT / "operations" / "demo" / "city-rain.jpg"
MAIL_SECONDS = 30
VIDEO_MS = 90_000  # for a mock video on a busy machine
LINK = re.compile(r"https?://\S+/verify-email\?token=[\w=-]+")


class Person:
    """A browser at our pages. `troubles` has errors, requests to other hosts, and responses that were not expected."""

    def __init__(
        self, browser: Browser, studio: RunningStudio, *, viewport: dict[str, int] = WIDE, **options: Any
    ) -> None:
        self.url = studio.url.replace("127.0.0.1", "localhost")  # the host in mailed links
        self.studio = studio
        self.expected: set[int] = set()
        self.troubles: list[str] = []
        is_phone = viewport["width"] < 600
        self.page: Page = chromium.page_of(browser, viewport=viewport, has_touch=is_phone, **options)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("response", self._received)

    def _heard(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:  # `_received` has these
            self.troubles.append(message.text)

    def _received(self, response: Response) -> None:
        address = urlsplit(response.url)  # the live process has a port of its own
        if address.scheme not in {"data", "blob"} and address.hostname != urlsplit(self.url).hostname:
            self.troubles.append(response.url)
        if response.status >= 400 and response.status not in self.expected:
            self.troubles.append(f"{response.status} {response.url}")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")
        self.page.locator("main h1").first.wait_for()

    def press(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name).first.click()

    def heading(self, name: str) -> None:
        """Wait until this is the page."""
        self.page.get_by_role("heading", name=name, level=1, exact=True).wait_for()

    def register(self, email: str) -> None:
        self.go("/register")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Create an account")
        self.heading("Looks")

    def verify(self, email: str) -> None:
        """Open the link of the mail."""
        self.page.goto(self._mailed_link(email))
        self.page.get_by_text("Your address is verified.").wait_for()

    def _mailed_link(self, email: str) -> str:
        for _ in range(MAIL_SECONDS * 5):
            for mail in (self.studio.folder / "mail").glob("*"):
                text = mail.read_text().replace("=\n", "").replace("=3D", "=")
                if f"To: {email}" in text and (link := LINK.search(text)):
                    return link[0]
            time.sleep(0.2)
        raise AssertionError(f"{email} gets no mail")

    def add_look(self, title: str, picture: Path | bytes) -> None:
        self.go("/looks/new")
        file: Any = (
            picture if isinstance(picture, Path) else {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture}
        )
        self.page.locator(".drop input[type=file]").first.set_input_files(file)
        self.page.get_by_label("Title").fill(title)
        self.press("Add the look")
        self.heading(title)

    def order(self, prompt: str) -> None:
        """Fill in the form that is shown, and press its button."""
        self.page.get_by_label("What happens").fill(prompt)
        self.press("Make the video")

    def close(self) -> None:
        self.page.context.close()
        assert self.troubles == []


def rotated_picture() -> bytes:
    """A portrait as phones store it: lying, with the rotation in its EXIF data."""
    picture = Image.open(LOOK).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # the orientation: show it turned clockwise
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif)
    return file.getvalue()


def badge(page: Page, text: str) -> Any:
    """The rows of the list of videos that have this badge."""
    return page.locator("tr").filter(has=page.locator(".badge", has_text=re.compile(f"^{text}$")))


def wait_for_rows(page: Page, text: str, count: int) -> None:
    expect(badge(page, text)).to_have_count(count, timeout=VIDEO_MS)
