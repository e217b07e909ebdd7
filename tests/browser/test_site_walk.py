"""A walk through our pages in a real browser, from the first visit to the last sign-out, and what guests see."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import chromium
from tests.browser.site_walk import LOOK, Person, badge, rotated_picture, wait_for_rows

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]


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
    progress = page.locator(".running .progress").first
    before = progress.inner_text()
    expect(progress).not_to_have_text(before)


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
    """End all sessions from one tab: a second tab shows the sign-in page as well."""
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
