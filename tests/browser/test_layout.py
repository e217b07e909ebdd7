"""Every page of the back office, with the longest values, on a phone and on a desk: nothing is cut off, links show."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium, long_rows
from tests.running import PASSWORD, RunningStudio

MEASURE = Path(__file__).with_name("layout.js").read_text()
SIZES = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
CONTRAST = 4.5  # WCAG 2.2, 1.4.3: contrast of text and background
JOBS = "/admin/videos/videojob/"
WRITE = f"""
import json
from tests.browser import long_rows, office_pages
long_rows.furnish("{PASSWORD}")
print(json.dumps(office_pages.paths()))
"""

# 600: the product and the browser start in it, and on a busy machine that takes minutes
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def paths(studio: RunningStudio) -> list[str]:
    printed = studio.manage("shell", "--verbosity", "0", "-c", WRITE, seconds=120)
    found: list[str] = json.loads(printed.splitlines()[-1])
    return found


@pytest.fixture
def page(browser: Browser, studio: RunningStudio, paths: list[str]) -> Iterator[Page]:
    """The back office, signed in."""
    page = chromium.page_of(browser, viewport=SIZES[0])
    chromium.sign_in(page, url=studio.url, email=long_rows.BOSS, password=PASSWORD)
    yield page
    page.context.close()


def measured(page: Page, name: str) -> dict[str, list[str]]:
    """The faults of the open page, by size."""
    troubles = {}
    for size in SIZES:
        page.set_viewport_size(size)
        page.evaluate("new Promise(requestAnimationFrame)")
        troubles[f"{name} at {size['width']} px"] = page.evaluate(MEASURE, CONTRAST)
    return {where: what for where, what in troubles.items() if what}


def test_every_page_shows_all_of_its_text(page: Page, studio: RunningStudio, paths: list[str]) -> None:
    troubles: dict[str, list[str]] = {}
    for path in paths:
        response = page.goto(f"{studio.url}{path}")
        if response is None or response.status >= 500:
            troubles[path] = ["does not open"]
        troubles |= measured(page, path)

    assert troubles == {}
    assert len(paths) > 60  # of three dozen tables and queues; with fewer pages, the search of this test is broken


def root(page: Page) -> str:
    return page.url.split("/admin")[0]


def form_with_errors(page: Page) -> None:
    page.goto(f"{root(page)}/admin/accounts/user/add/")
    page.locator("#id_email").fill(long_rows.ANN)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("correct the error").first.wait_for()


def filters(page: Page) -> None:
    page.goto(f"{root(page)}{JOBS}?status=FAILED")
    page.get_by_role("button", name="Filters").click()
    page.get_by_text("By status").first.wait_for()


def chosen_rows(page: Page) -> None:
    page.goto(f"{root(page)}{JOBS}")
    page.locator("input.action-select").first.check()


def question_about_several(page: Page) -> None:
    chosen_rows(page)
    page.locator("select[name=action]").first.select_option(label="Cancel and refund")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Reason").wait_for()


def menu_on_a_phone(page: Page) -> None:
    page.set_viewport_size(SIZES[1])
    page.goto(f"{root(page)}/admin/")
    page.get_by_text("dock_to_right").locator("visible=true").click()
    page.get_by_role("link", name="Video jobs", exact=True).wait_for()


def empty_list(page: Page) -> None:
    page.goto(f"{root(page)}{JOBS}?q={long_rows.WORD}")


def sign_in_form(page: Page) -> None:
    page.context.clear_cookies()
    page.goto(f"{root(page)}/admin/")
    page.get_by_label("Email").fill(long_rows.BOSS)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Password").wait_for()


@pytest.mark.parametrize(
    "open_it",
    [form_with_errors, filters, chosen_rows, question_about_several, menu_on_a_phone, empty_list, sign_in_form],
)
def test_what_no_link_opens_shows_all_of_its_text(page: Page, open_it: Callable[[Page], None]) -> None:
    open_it(page)

    assert measured(page, open_it.__name__) == {}


LONG = "white-space: nowrap'>Too many letters"
MEASURED: dict[str, tuple[str, list[str]]] = {
    "all there": ("<p>Some words</p>", []),
    "a wide page": ("<p style='width: 2000px'>Some words</p>", ["the page is 2000 px wide"]),
    "a box that hides": (
        f"<div style='overflow: hidden; width: 50px'><b style='{LONG}</b></div>",
        ["cut off by div: Too many letters"],
    ),
    "an ellipsis": (
        f"<div style='overflow: hidden; width: 50px; text-overflow: ellipsis; {LONG}</div>",
        ["cut off by div: Too many letters", "cut off in div: Too many letters"],
    ),
    "a label of the style sheet": (
        "<style>p::before { content: attr(title) }</style>"
        "<p title='Too many letters' style='overflow: hidden; width: 50px; white-space: nowrap'></p>",
        ["cut off in p: "],
    ),
    "a low box": (
        "<div style='overflow: hidden; height: 30px'>One<p>Two<p>Three</div>",
        ["cut off by div: Two", "cut off by div: Three", "cut off in div: OneTwoThree"],
    ),
    "a low box that scrolls": ("<div style='overflow: auto; height: 30px'>One<p>Two<p>Three</div>", []),
    "a box that scrolls sideways": (
        f"<div style='overflow: auto; width: 50px'><b style='{LONG}</b></div>",
        ["cut off by div: Too many letters"],
    ),
    "code that scrolls sideways": (f"<pre style='overflow: auto; width: 50px; {LONG}</pre>", []),
    "words for screen readers": (
        f"<p style='position: absolute; overflow: hidden; width: 1px; height: 1px; {LONG}</p>",
        [],
    ),
    "an icon": (f"<p class=material-symbols-outlined style='overflow: hidden; width: 18px; {LONG}</p>", []),
    "a narrow choice": (
        "<select style='width: 40px'><option>Too many letters</select>",
        ["cut off in select: Too many letters"],
    ),
    "left of the window": ("<p style='margin-left: -60px'>Some words</p>", ["cut off by html: Some words"]),
    "a link like text": (
        "<div id=content><a href=/ style='color: black; text-decoration: none'>There</a></div>",
        ["light: does not look like a link: There", "dark: does not look like a link: There"],
    ),
    "a link that is dark on dark": (
        "<style>.dark body { background: black }</style><div id=content><a href=/ style='color: blue'>There</a></div>",
        ["dark: contrast 2.44: There"],
    ),
    "a button": (
        "<div id=content><a href=/ style='color: black; text-decoration: none; border: 1px solid'>Do it</a></div>",
        [],
    ),
}


@pytest.mark.parametrize(("body", "troubles"), MEASURED.values(), ids=MEASURED.keys())
def test_measuring_finds_what_is_cut_off_and_no_more(browser: Browser, body: str, troubles: list[str]) -> None:
    page = chromium.page_of(browser)
    page.set_content(f"<!doctype html><body style='margin: 0'>{body}")

    found = page.evaluate(MEASURE, CONTRAST)

    page.context.close()
    assert found == troubles
