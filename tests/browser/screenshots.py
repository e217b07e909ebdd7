"""`make screenshots`: starts the product with demo data, and draws all its pages into docs/screenshots."""

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

os.environ.setdefault("DATABASE_URL", "")  # SQLite, in a temporary folder

from studio.env import PROJECT
from tests.browser import chromium, site_screenshots
from tests.running import PASSWORD, RunningStudio

FOLDER = PROJECT / "docs" / "screenshots"
COLOURS = 128  # a page of text needs no more, and a file with more is three times as large
BOSS = "grace@example.com"
Step = Callable[[Page, str], None]


def dashboard(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/")
    page.wait_for_timeout(1200)  # the chart grows


def videos(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/videos/videojob/")


def made(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/videos/videojob/?status=SUCCEEDED")
    page.locator("#result_list .studio-id").first.click()
    page.get_by_role("heading", name="Video", exact=True).wait_for()
    page.wait_for_timeout(500)


def failed(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/videos/videojob/?status=FAILED")
    page.locator("#result_list .studio-id").first.click()
    page.get_by_role("heading", name="Tokens").wait_for()


def retry(page: Page, url: str) -> None:
    failed(page, url)
    page.get_by_role("link", name="Retry").click()
    page.get_by_text("Who pays").wait_for()


def catalogue(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/videos/videomodel/")


def queues(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/rq/")


PICTURES: dict[str, tuple[Step, dict[str, int]]] = {
    "dashboard": (dashboard, chromium.DESKTOP),
    "videos": (videos, chromium.DESKTOP),
    "video": (made, chromium.DESKTOP),
    "failed": (failed, chromium.DESKTOP),
    "retry": (retry, chromium.DESKTOP),
    "catalogue": (catalogue, chromium.DESKTOP),
    "queues": (queues, chromium.DESKTOP),
    "dashboard-phone": (dashboard, chromium.PHONE),
    "videos-phone": (videos, chromium.PHONE),
    "video-phone": (made, chromium.PHONE),
    "retry-phone": (retry, chromium.PHONE),
}


def draw(browser: Browser, url: str, folder: Path) -> None:
    """Draw every picture, signed in once for each size of screen."""
    pages = {}
    for name, (step, viewport) in PICTURES.items():
        if viewport["width"] not in pages:
            pages[viewport["width"]] = chromium.page_of(browser, viewport=viewport)
            chromium.sign_in(pages[viewport["width"]], url=url, email=BOSS, password=PASSWORD)
        page = pages[viewport["width"]]
        step(page, url)
        picture = Image.open(io.BytesIO(page.screenshot()))
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(folder / f"{name}.png", optimize=True)


def main() -> None:
    folder = Path(os.environ.get("SCREENSHOTS", FOLDER))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
        studio = RunningStudio(Path(data))
        try:
            studio.manage("create_api_user", BOSS, "--password-stdin", "--staff", stdin=PASSWORD)
            studio.manage("seed_demo", "ann@example.com", seconds=300)  # it draws videos
            with chromium.browser() as browser:
                draw(browser, studio.url, folder)
                site_screenshots.draw(browser, studio, folder)
        finally:
            studio.stop()


if __name__ == "__main__":
    main()
