"""Our pages in a real browser, on a desktop and on a phone: forms, tabs, languages and barriers."""

import json

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser import axe, chromium
from tests.browser.conftest import SCREENS
from tests.browser.site_walk import LOOK, Person, wait_for_rows
from tests.running import PASSWORD, RunningStudio, wait_for

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
PAGES = (
    *(
        "/",
        "/sign-in",
        "/register",
        "/verify-email",
        "/forgot-password",
        "/looks",
        "/looks/new",
        "/looks?view=public",
        "/videos",
        "/create",
    ),
    *("/account", "/account/tokens", "/account/sessions", "/account/keys", "/account/webhooks", "/account/data"),
)


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
        tab.wait_for_load_state("networkidle")
    refreshes: list[str] = []
    person.page.context.on(
        "requestfinished",  # the next step may break off another one
        lambda request: refreshes.append(request.url) if "/token/refresh" in request.url else None,
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


def test_focus_returns_to_the_button_of_a_dialog_and_of_finished_work(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    page = person.page
    person.register("focus@example.com")
    person.add_look("City Rain", LOOK)

    remove = page.get_by_role("button", name="Delete", exact=True)
    remove.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    expect(remove).to_be_focused()
    opens = page.get_by_role("button", name="Share", exact=True)
    opens.press("Enter")
    create = page.get_by_role("button", name="Create a link")
    create.press("Enter")
    expect(page.get_by_label("Link", exact=True)).to_have_count(1)
    expect(create).to_be_focused()
    page.get_by_role("button", name="Revoke").press("Enter")
    expect(page.locator("dialog h2")).to_be_focused()
    page.get_by_label("All who sign in").check()
    page.get_by_role("dialog").get_by_role("button", name="Save").press("Enter")
    page.get_by_text("Saved.").wait_for()
    page.keyboard.press("Escape")
    expect(opens).to_be_focused()
    expect(page.locator("article .badge")).to_have_text("Public")
    person.close()


def test_progress_of_a_video_leaves_the_focus_on_its_cancel_button(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    page = person.page
    person.register("progress@example.com")
    person.add_look("City Rain", LOOK)
    address = page.url.removeprefix(person.url)
    person.go(f"/create?look={address.rpartition('/')[2]}")
    expect(page.locator(".strip :checked")).not_to_have_value("")
    person.order("Slowly [mock:slow=60]")
    person.heading("Videos")
    person.go(address)
    page.wait_for_load_state("networkidle")
    cancel = page.get_by_role("button", name="Cancel: Slowly [mock:slow=60]")
    cancel.focus()

    before = page.locator(".progress").inner_text()
    expect(page.locator(".progress")).not_to_have_text(before)

    expect(cancel).to_be_focused()
    person.close()


def test_product_with_only_a_picture_is_refused_aloud(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    person.expected = {400}
    person.register("product@example.com")
    person.go("/looks/new")
    person.page.get_by_label("Title").fill("City Rain")
    person.press("Add a product")
    person.page.get_by_label("Picture of the product").set_input_files(LOOK)
    person.press("Add the look")

    expect(person.page.locator(".products > .error")).not_to_be_empty()
    person.close()


def test_upload_that_ends_on_another_page_stays_there(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site)
    person.register("leaves@example.com")
    person.go("/looks/new")
    person.page.get_by_label("Title").fill("City Rain")
    held: list[Route] = []
    person.page.route(
        "**/api/v1/looks", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    person.press("Add the look")
    chromium.wait_until(person.page, "!document.querySelector('form progress').hidden")
    person.page.locator("#nav").get_by_role("link", name="Videos").click()
    person.heading("Videos")
    held[0].continue_()

    person.page.get_by_text("The look is saved.").wait_for()
    person.heading("Videos")
    person.close()


def test_player_shows_the_video_under_a_long_description(browser: Browser, site: RunningStudio) -> None:
    person = Person(browser, site, viewport=chromium.PHONE)
    person.register("long@example.com")
    person.go("/create")
    person.order("She turns. " * 80)
    person.heading("Videos")
    wait_for_rows(person.page, "Ready", 1)
    person.page.locator("button.poster").click()

    box = person.page.locator("dialog video").bounding_box()

    assert box
    assert box["y"] < chromium.PHONE["height"] / 2
    person.close()


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_page_is_wider_than_the_screen_with_long_words(browser: Browser, site: RunningStudio, language: str) -> None:
    word = "Donaudampfschifffahrtsgesellschaft" * 5
    client = site.client(f"words-{language}@example.com", tokens=200)
    products = json.dumps([{"name": word[:116], "designer": word, "productUrl": f"https://example.com/{word}"}])
    picture = {"generatedImage": LOOK.read_bytes()}
    look = client.post("/api/v1/looks", data={"title": word, "notes": word, "products": products}, files=picture).json()
    order = {"mockMode": "true", "prompt": word, "lookId": look["id"]}
    video = client.post("/api/v1/video-jobs", data=order).json()
    wait_for(client, [video["id"]], seconds=60)
    client.close()
    person = Person(browser, site, locale=language)
    person.go("/sign-in")
    person.page.locator("[name=email]").fill(f"words-{language}@example.com")
    person.page.locator("[name=password]").fill(PASSWORD)
    person.page.locator("main [type=submit]").click()
    person.page.locator(".card").wait_for()

    found = []
    for path in (
        *("/looks", f"/looks/{look['id']}", f"/looks/{look['id']}?edit", "/videos", f"/videos/{video['id']}"),
        *(f"/create?look={look['id']}", "/account", "/account/tokens"),
    ):
        for width in (360, 1440):
            person.page.set_viewport_size({"width": width, "height": 844})
            person.go(path)
            person.page.wait_for_load_state("networkidle")
            wide = person.page.evaluate("document.documentElement.scrollWidth")
            found += [f"{path} is {wide} pixels wide at {width}"] if wide > width else []

    assert found == []
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
