"""Our pages in a real browser, from the first visit to the last sign-out, on a desktop and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import axe, chromium
from tests.browser.site_walk import LOOK, WIDE, Person, badge, rotated_picture, wait_for_rows
from tests.running import RunningStudio

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
SCREENS = {"desktop": WIDE, "phone": chromium.PHONE}
BUDGET_BYTES = 100_000  # of our scripts and styles, uncompressed, for any page
PAGES = (
    *(
        "/",
        "/sign-in",
        "/register",
        "/forgot-password",
        "/looks",
        "/looks/new",
        "/looks?view=public",
        "/videos",
        "/create",
    ),
    *("/account", "/account/tokens", "/account/sessions", "/account/keys", "/account/webhooks", "/account/data"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, _worth_it: None) -> Iterator[RunningStudio]:
    """The product. A new account can pay for four videos."""
    running = RunningStudio(tmp_path_factory.mktemp("site"), MOCK_VIDEO_SECONDS="0", SIGNUP_TOKENS="200")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(params=SCREENS, ids=SCREENS)
def person(request: pytest.FixtureRequest, browser: Browser, site: RunningStudio) -> Iterator[Person]:
    someone = Person(browser, site, viewport=SCREENS[request.param])
    yield someone
    someone.close()


def test_guest_sees_a_look_move_and_tries_the_demo(person: Person) -> None:
    person.go("/")
    chromium.wait_until(person.page, "document.querySelector('.landing video').currentTime > 0.2")

    person.press("Try it as demo")
    person.heading("Looks")
    person.page.locator(".card, .empty").first.wait_for()
    if person.page.locator(".empty").count():  # not in the second run
        person.press("Fill with demo data")
    expect(person.page.locator(".card")).to_have_count(6, timeout=60_000)

    assert person.page.locator(".balance").inner_text() != "…"


def test_walk_from_registration_to_the_last_sign_out(person: Person, request: pytest.FixtureRequest) -> None:
    email = f"{request.node.callspec.id}@example.com"
    person.register(email)
    person.verify(email)
    assert person.page.locator(".balance").inner_text() == "200 tokens"

    add_an_upright_and_a_lying_picture(person)
    order_three_videos_and_be_refused_a_fourth(person)
    watch_them_finish_without_a_reload(person)
    set_a_default_play_and_download(person)
    delete_two_after_a_question(person)
    run_out_of_tokens(person)
    sign_out_everywhere(person)


def add_an_upright_and_a_lying_picture(person: Person) -> None:
    person.add_look("City Rain", LOOK)
    person.add_look("From my phone", rotated_picture())

    assert person.page.evaluate("(({naturalWidth: w, naturalHeight: h}) => h > w)(document.querySelector('.portrait'))")


def order_three_videos_and_be_refused_a_fourth(person: Person) -> None:
    page = person.page
    look = page.url.rpartition("/")[2]
    for number in range(3):
        person.go(f"/create?look={look}")
        expect(page.locator(f".strip [value='{look}']")).to_be_checked()
        person.order(f"Turn {number} [mock:slow={20 if number else 30}]")
        person.heading("Videos")
    person.expected = {429}
    person.go("/create")
    person.order("One too many")
    page.get_by_text("Three videos are being made already.").wait_for()
    assert page.locator(".running li").count() == 3


def watch_them_finish_without_a_reload(person: Person) -> None:
    person.go("/videos")
    person.page.evaluate("window.isTheSame = true")
    wait_for_rows(person.page, "Ready", 3)

    assert person.page.evaluate("window.isTheSame")
    assert person.page.locator(".balance").inner_text() == "50 tokens"


def set_a_default_play_and_download(person: Person) -> None:
    page, name = person.page, "Turn 0 [mock:slow=30]"
    person.press(f"Set as default: {name}")
    expect(badge(page, "Default")).to_have_count(1)
    person.press(f"Play: {name}")
    chromium.wait_until(person.page, "document.querySelector('dialog video').currentTime > 1")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        person.press(f"Download: {name}")
    assert Path(download.value.path()).read_bytes()[4:8] == b"ftyp"


def delete_two_after_a_question(person: Person) -> None:
    page = person.page
    rows, button = page.locator("tbody tr"), page.locator(".toolbar").get_by_role("button")
    for box in page.get_by_role("checkbox").all()[:2]:
        box.check()
    button.click()
    person.press("Not now")
    expect(rows).to_have_count(3)
    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)


def run_out_of_tokens(person: Person) -> None:
    person.go("/create")
    person.order("The fourth")
    person.heading("Videos")
    person.expected = {402}
    person.go("/create")
    person.order("The fifth")
    person.page.get_by_text("This video costs 50 tokens, and you have 0.").wait_for()
    person.follow("See where your tokens went")
    person.heading("Balance")
    expect(person.page.locator("tbody tr")).to_have_count(5)


def sign_out_everywhere(person: Person) -> None:
    """In the other tab, too."""
    other = person.page.context.new_page()
    other.goto(f"{person.url}/videos")
    other.get_by_role("heading", name="Videos", level=1).wait_for()
    person.go("/account/sessions")
    person.press("Sign out everywhere")
    person.page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    person.heading("Sign in")
    other.get_by_role("heading", name="Sign in", level=1).wait_for()


def test_link_shows_a_look_to_guests_until_it_is_revoked(person: Person, request: pytest.FixtureRequest) -> None:
    page = person.page
    person.register(f"{request.node.callspec.id}-links@example.com")
    person.add_look("City Rain", LOOK)

    person.press("Share")
    person.press("Create a link")
    address = page.get_by_label("Link", exact=True).input_value()
    shown = httpx.get(address)
    person.press("Revoke")
    page.get_by_text("The link does not work any more.").wait_for()

    assert (shown.status_code, "City Rain" in shown.text) == (200, True)
    assert httpx.get(address).status_code == 404


def test_form_says_what_is_missing_beside_the_field(person: Person) -> None:
    person.go("/")
    person.press("Try it as demo")
    person.heading("Looks")
    person.go("/create")

    person.press("Make the video")

    field = person.page.locator(".field", has=person.page.get_by_label("What happens"))
    expect(field).to_contain_text("Describe the video, choose a look, or add a first frame.")
    assert person.page.evaluate("document.activeElement.name") == "prompt"


def test_two_tabs_refresh_the_session_once(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    person.register("tabs@example.com")
    other = person.page.context.new_page()
    other.goto(f"{person.url}/looks")
    for tab in (person.page, other):
        tab.wait_for_load_state("networkidle")  # a request that the next step breaks off would refresh, too
    refreshes: list[str] = []
    person.page.context.on(
        "request", lambda request: refreshes.append(request.url) if "/token/refresh" in request.url else None
    )

    person.page.evaluate(
        "localStorage['studio.session'] = JSON.stringify({...JSON.parse(localStorage['studio.session']), expiresAt: 0})"
    )
    for tab in (person.page, other):
        tab.evaluate("void setTimeout(() => location.assign('/account/tokens'))")
    for tab in (person.page, other):
        tab.get_by_role("cell", name="+200").wait_for()

    assert len(refreshes) == 1
    person.close()


def test_text_of_a_user_stays_text_and_what_is_gone_is_not_found(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    person.register("text@example.com")
    title = "<img src=x onerror=alert(1)>{name}"

    person.add_look(title, LOOK)
    address = person.page.url.removeprefix(person.url)
    person.press("Delete")
    person.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    person.heading("Looks")
    person.expected = {404}
    person.go(address)

    person.heading("Not found")
    person.close()


def test_without_events_an_unfinished_video_is_polled(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    person.expected = {503}
    person.page.route("**/events/ticket", lambda route: route.fulfill(status=503, body="{}"))
    person.register("polls@example.com")
    person.go("/create")
    person.order("Quietly [mock:slow=10]")
    person.heading("Videos")

    wait_for_rows(person.page, "In progress", 1)
    wait_for_rows(person.page, "Ready", 1)
    person.close()


def test_pages_speak_german(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site, locale="de")
    person.go("/sign-in")
    assert person.page.locator("html").get_attribute("lang") == "de"

    person.expected = {401}
    person.page.get_by_label("E-Mail-Adresse").fill("ann@example.com")
    person.page.get_by_label("Passwort", exact=True).fill("wrong")
    person.press("Anmelden")
    person.page.get_by_text("Die E-Mail-Adresse oder das Passwort ist falsch.").wait_for()
    person.page.get_by_label("Sprache").select_option("en")
    person.heading("Sign in")
    person.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_pages_have_no_grave_barriers_and_nothing_moves_or_overflows(
    browser: Browser, site: RunningStudio, screen: str, scheme: str
) -> None:
    viewport = SCREENS[screen] if screen == "desktop" else {"width": 360, "height": 740}
    person = Person(browser, site, viewport=viewport, color_scheme=scheme, bypass_csp=False)
    person.page.add_init_script(
        "window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => {"
        "if (!entry.hadRecentInput) window.moved += entry.value})).observe({type: 'layout-shift', buffered: true});"
    )
    found = []
    for path in PAGES:
        if path == "/looks":
            person.press("Try it as demo")
            person.heading("Looks")
        person.go(path)
        person.page.wait_for_load_state("networkidle")
        found += [f"{path} {barrier}" for barrier in axe.violations(person.page)]
        width, moved = person.page.evaluate("[document.documentElement.scrollWidth, window.moved]")
        found += [f"{path} is {width} pixels wide"] if width > viewport["width"] else []
        found += [f"{path} moves by {moved}"] if moved > 0.02 else []
        if path == "/forgot-password":
            person.go("/sign-in")

    assert found == []
    person.close()


def test_no_page_loads_more_than_its_budget(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    sizes: dict[str, int] = {}
    path = ""
    person.page.on(
        "response",
        lambda response: (
            sizes.update({path: sizes.get(path, 0) + int(response.headers["content-length"])})
            if "/static/site/" in response.url and response.url.endswith((".js", ".css"))
            else None
        ),
    )
    person.go("/")
    person.press("Try it as demo")
    person.heading("Looks")
    for path in PAGES:
        person.page.context.clear_cookies()
        person.page.goto("about:blank")
        person.go(path) if path not in {"/sign-in", "/register", "/"} else person.page.goto(f"{person.url}{path}")
        person.page.wait_for_load_state("networkidle")

    assert {path: size for path, size in sizes.items() if size > BUDGET_BYTES} == {}
