"""Draws our pages into docs/screenshots, and records a short film: a look becomes a video."""

import base64
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.browser.site_walk import WIDE
from tests.running import PASSWORD, RunningStudio

EMAIL = "ann@example.com"
QUALITY = 82  # of WebP; pictures of clothes have too many colours for a palette
FILM = {"width": 1200, "height": 750}
FILM_WIDTH, FRAME_SECONDS = 800, 0.2  # of the recording
Step = Callable[[Page, str], None]


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("form").get_by_role("button").click()
    page.locator(".card").first.wait_for()


def landing(page: Page, url: str) -> None:
    page.goto(f"{url}/")


def looks(page: Page, url: str) -> None:
    page.goto(f"{url}/looks")
    page.locator(".card").first.wait_for()


def look(page: Page, url: str) -> None:
    looks(page, url)
    page.get_by_role("link", name="Stone Essence").click()
    page.locator(".clips").wait_for()


def create(page: Page, url: str) -> None:
    look(page, url)
    page.get_by_role("link", name="Make a video").first.click()
    page.locator(".strip :checked").wait_for(state="attached")
    page.get_by_label("What happens").fill("The gown moves in a slow wind")


def videos(page: Page, url: str) -> None:
    page.goto(f"{url}/videos")
    page.locator("tbody tr").first.wait_for()


PICTURES: dict[str, tuple[Step, dict[str, int], str]] = {
    "site-landing": (landing, WIDE, "light"),
    "site-looks": (looks, WIDE, "light"),
    "site-look": (look, WIDE, "light"),
    "site-create": (create, WIDE, "light"),
    "site-videos": (videos, WIDE, "light"),
    "site-looks-dark": (looks, WIDE, "dark"),
    "site-looks-phone": (looks, chromium.PHONE, "light"),
    "site-videos-phone": (videos, chromium.PHONE, "light"),
}


def draw(browser: Browser, studio: RunningStudio, folder: Path) -> None:
    """Draw every picture, then record the film."""
    studio.manage("shell", "--command", _set_password())
    for name, (step, viewport, scheme) in PICTURES.items():
        page = chromium.page_of(browser, viewport=viewport, color_scheme=scheme, locale="en")
        if step is not landing:
            sign_in(page, studio.url)
        step(page, studio.url)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(400)  # pictures are decoded
        Image.open(io.BytesIO(page.screenshot())).save(folder / f"{name}.webp", quality=QUALITY, method=6)
        page.context.close()
    record(browser, studio, folder / "site.webp")


def _set_password() -> str:
    """`seed_demo` has created the account with a password of its own."""
    return (
        "from accounts.models import User; "
        f"user = User.objects.get(email={EMAIL!r}); user.set_password({PASSWORD!r}); user.save()"
    )


def record(browser: Browser, studio: RunningStudio, path: Path) -> None:
    """Record an order, from the look to the playing video, as an animated WebP."""
    page = chromium.page_of(browser, viewport=FILM, locale="en")
    sign_in(page, studio.url)
    frames: list[tuple[float, bytes]] = []
    session = page.context.new_cdp_session(page)

    def keep(frame: dict[str, Any]) -> None:
        frames.append((time.monotonic(), base64.b64decode(frame["data"])))
        session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "jpeg", "quality": 90, "maxWidth": FILM["width"]})
    _order(page)
    session.send("Page.stopScreencast")
    page.context.close()
    _save(frames, path)


def _order(page: Page) -> None:
    page.wait_for_timeout(1200)
    page.get_by_role("link", name="Harbour Stripe").click()
    page.locator(".clips").wait_for()
    page.wait_for_timeout(1500)
    page.get_by_role("link", name="Make a video").first.click()
    page.locator(".strip :checked").wait_for(state="attached")
    page.get_by_label("What happens").press_sequentially("She steps into the light", delay=50)
    page.wait_for_timeout(600)
    page.get_by_role("button", name="Make the video").click()
    page.get_by_role("button", name="Play: She steps into the light").click(timeout=120_000)
    page.wait_for_timeout(3500)


def _save(frames: list[tuple[float, bytes]], path: Path) -> None:
    """One picture for each FRAME_SECONDS; while nothing moved, none, and the last one stays."""
    pictures: list[Image.Image] = []
    durations: list[int] = []
    last = 0.0
    for at, content in frames:
        if pictures and at - last < FRAME_SECONDS:
            continue
        if pictures:
            durations.append(min(round((at - last) * 1000), 1500))
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        pictures.append(picture.resize((FILM_WIDTH, picture.height * FILM_WIDTH // picture.width)))
        last = at
    durations.append(2000)
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=60, method=4)
