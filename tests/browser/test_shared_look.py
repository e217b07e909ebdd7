"""The public page of a look in a browser that is not signed in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import axe, chromium
from tests.browser.shared_looks import SharedLook, share
from tests.running import RunningStudio

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
SIZES = ({"width": 1440, "height": 900}, {"width": 390, "height": 844}, {"width": 360, "height": 640})
SHIFTS = """() => new Promise(resolve => {
    let shifts = 0;
    new PerformanceObserver(list => { for (const entry of list.getEntries()) shifts += entry.value; })
        .observe({type: "layout-shift", buffered: true});
    setTimeout(() => resolve(shifts), 500);
})"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def look(studio: RunningStudio) -> SharedLook:
    return share(studio)


@pytest.fixture(scope="module")
def wide_look(studio: RunningStudio) -> SharedLook:
    return share(studio, aspect_ratio="16:9")


@pytest.fixture(scope="module")
def still_look(studio: RunningStudio) -> SharedLook:
    return share(studio, aspect_ratio=None)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = chromium.page_of(browser)
    yield page
    page.context.close()


def errors_of(page: Page) -> list[str]:
    """Collects what fails from now on, but for the icon that browsers request of every site."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", lambda request: found.append(f"{request.url}: {request.failure}"))
    page.on("response", lambda response: found.append(response.url) if response.status >= 400 else None)
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    return found


def test_signed_out_person_sees_the_look_move(page: Page, look: SharedLook) -> None:
    errors = errors_of(page)

    page.goto(look.url)
    chromium.wait_until(page, "document.querySelector('video.moving').currentTime > 1")

    assert page.get_by_role("heading", level=1).inner_text() == "Stone Essence"
    assert page.get_by_role("img", name="The look Stone Essence").evaluate("image => image.naturalWidth") > 0
    assert page.locator("video.still").is_hidden()
    assert errors == []


def test_video_waits_where_people_want_less_motion(browser: Browser, look: SharedLook) -> None:
    page = chromium.page_of(browser, reduced_motion="reduce")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))

    page.goto(look.url)
    page.wait_for_load_state("networkidle")
    before = [url for url in requested if ".mp4" in url]
    page.locator("video.still").evaluate("video => video.play()")
    chromium.wait_until(page, "document.querySelector('video.still').currentTime > 0.2")

    page.context.close()
    assert before == []
    assert len([url for url in requested if ".mp4" in url]) > 0


def test_page_is_complete_without_script(browser: Browser, look: SharedLook) -> None:
    page = chromium.page_of(browser, java_script_enabled=False)

    page.goto(look.url)

    assert page.get_by_role("listitem").count() == 2
    assert page.locator("video.moving").is_visible()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["look", "wide_look", "still_look"])
def test_every_size_is_accessible_and_nothing_is_cut_off(
    browser: Browser, kind: str, scheme: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(kind).url
    faults: dict[str, list[str]] = {}
    for size in SIZES:
        page = chromium.page_of(browser, viewport=size, color_scheme=scheme)
        page.goto(url)
        found = axe.violations(page)
        if page.evaluate(OVERFLOW):
            found.append("the page is too wide")
        if found:
            faults[f"{size['width']} px"] = found
        page.context.close()

    assert faults == {}


@pytest.mark.parametrize("size", SIZES[:2], ids=["desk", "phone"])
def test_nothing_shifts_while_a_slow_line_brings_the_files(
    browser: Browser, look: SharedLook, size: dict[str, int]
) -> None:
    page = chromium.page_of(browser, viewport=size)
    chromium.slow_down(page)

    page.goto(look.url, wait_until="load")
    chromium.wait_until(page, "document.querySelector('video.moving').currentTime > 0")

    shifts = page.evaluate(SHIFTS)
    page.context.close()
    assert shifts <= 0.02  # Google calls up to 0.1 good (web.dev/articles/cls, read 2026-11)


def test_revoked_link_shows_a_page_that_says_so(page: Page, studio: RunningStudio) -> None:
    look = share(studio, aspect_ratio=None, picture=None)
    page.goto(look.url)
    with studio.signed_in("ann-none-false@example.com") as client:
        client.delete(f"/api/v1/looks/{look.id}/links/{look.link_id}").raise_for_status()

    response = page.reload()

    assert response is not None
    assert response.status == 404
    assert page.get_by_role("heading", level=1).inner_text() == "This link shows nothing"
    assert axe.violations(page) == []
