"""Our pages follow their jobs whatever the stream of events does, and keep what the person has on the screen."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.site_walk import LOOK, VIDEO_MS, Person, wait_for_rows
from tests.running import PASSWORD, RunningStudio, wait_for

# 600: as in the other browser tests
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
PAGE, ROWS = 20, 22  # of the list: what it shows at first, and all
DRAWN_MS = 500  # for a page to draw what it has read
OPENED_MS = 3_000  # for the stream to open, and the page to read its jobs again


@contextmanager
def stopped_live(site: RunningStudio) -> Iterator[None]:
    """The live process accepts connections and responds to none."""
    processes = site.pids("live")
    assert processes
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def signed_in(browser: Browser, site: RunningStudio, email: str) -> tuple[Person, httpx.Client]:
    """A person with many tokens, and a client of the same account."""
    client = site.client(email, tokens=10_000)
    person = Person(browser, site)
    person.go("/sign-in")
    person.page.get_by_label("E-mail address").fill(email)
    person.page.get_by_label("Password", exact=True).fill(PASSWORD)
    person.press("Sign in")
    person.heading("Looks")
    return person, client


def create(client: httpx.Client, prompt: str) -> str:
    response = client.post("/api/v1/video-jobs", data={"mockMode": "true", "prompt": prompt})
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def test_stream_that_hangs_is_replaced_by_polling(browser: Browser, site: RunningStudio) -> None:
    person, client = signed_in(browser, site, "hangs@example.com")
    job = create(client, "Quietly [mock:slow=5]")
    with stopped_live(site):
        person.go(f"/videos/{job}")
        expect(person.page.locator(".stage video")).to_have_count(1, timeout=30_000)

        person.go("/videos")
        wait_for_rows(person.page, "Ready", 1)
        create(client, "Ordered by another program")
        wait_for_rows(person.page, "Ready", 2)

    client.close()
    person.close()


def test_player_stays_and_a_deleted_video_leaves_its_page(browser: Browser, site: RunningStudio) -> None:
    person, client = signed_in(browser, site, "plays@example.com")
    job = create(client, "A coat")
    wait_for(client, [job], seconds=60)

    person.go(f"/videos/{job}")
    person.page.locator(".stage video").evaluate("(video) => { video.isTheFirst = true }")
    person.page.wait_for_timeout(OPENED_MS)
    assert person.page.locator(".stage video").evaluate("(video) => video.isTheFirst")

    client.delete(f"/api/v1/video-jobs/{job}").raise_for_status()
    person.heading("Videos")
    client.close()
    person.close()


def test_list_keeps_its_rows_and_ticks_when_it_is_read_again(browser: Browser, site: RunningStudio) -> None:
    person, client = signed_in(browser, site, "keeps@example.com")
    for number in range(ROWS):
        wait_for(client, [create(client, f"Video {number} [mock:fail]")], seconds=60)
    person.expected = {503}
    person.page.route("**/events/ticket", lambda route: route.fulfill(status=503, body="{}"))
    rows, boxes = (person.page.locator(f"tbody {name}") for name in ("tr", "input"))
    person.go("/videos")
    expect(rows).to_have_count(PAGE)
    person.press("Load more")
    expect(rows).to_have_count(ROWS)
    boxes.last.check()

    with person.page.expect_response(lambda response: f"limit={ROWS}" in response.url):
        pass
    person.page.wait_for_timeout(DRAWN_MS)

    expect(rows).to_have_count(ROWS)
    expect(boxes.last).to_be_checked()

    person.go("/videos")
    expect(rows).to_have_count(PAGE)
    for box in boxes.all():
        box.check()
    person.page.locator(".toolbar").get_by_role("button", name="Delete").click()
    person.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(ROWS - PAGE)
    expect(person.page.get_by_role("button", name="Load more")).to_have_count(0)
    client.close()
    person.close()


def test_dialog_closes_when_its_page_is_left_or_the_session_ends(browser: Browser, site: RunningStudio) -> None:
    person, client = signed_in(browser, site, "dialogs@example.com")
    page, dialogs = person.page, person.page.get_by_role("dialog")
    wait_for(client, [create(client, "A coat")], seconds=60)

    def ask() -> None:
        person.follow("Videos")
        page.locator("tbody").get_by_role("button", name="Delete").click()
        expect(dialogs).to_have_count(1)

    ask()
    page.go_back()
    person.heading("Looks")
    expect(dialogs).to_have_count(0)

    ask()
    other = page.context.new_page()
    other.goto(person.url)
    other.evaluate("localStorage.clear()")
    person.heading("Sign in")
    expect(dialogs).to_have_count(0)
    client.close()
    person.close()


def test_focus_stays_on_a_control_that_is_drawn_again(browser: Browser, site: RunningStudio) -> None:
    person, client = signed_in(browser, site, "focus@example.com")
    page = person.page
    person.add_look("City Rain", LOOK)
    look = page.url.rsplit("/", 1)[1]
    data = {"mockMode": "true", "prompt": "She turns", "lookId": look}
    job = client.post("/api/v1/video-jobs", data=data).json()["id"]
    wait_for(client, [job], seconds=60)
    for path in ("/videos", f"/looks/{look}", f"/videos/{job}"):
        person.go(path)
        page.get_by_role("button", name="Set as default").press("Enter")
        expect(page.get_by_role("button", name="Unset default")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Set as default")).to_be_focused()

    person.go("/videos")
    page.get_by_role("checkbox").check()
    page.locator(".toolbar").get_by_role("button", name="Delete").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")
    page.get_by_text("1 video is deleted.").wait_for()
    expect(page.get_by_role("heading", name="Videos", level=1)).to_be_focused()
    client.close()
    person.close()


def test_account_that_cannot_be_read_when_a_job_ends_raises_nothing(browser: Browser, site: RunningStudio) -> None:
    person, client = signed_in(browser, site, "unread@example.com")
    person.go("/videos")
    create(client, "Quietly [mock:slow=5]")
    wait_for_rows(person.page, "In progress", 1)
    person.expected = {503}
    person.page.route("**/auth/me", lambda route: route.fulfill(status=503, body="{}"))
    with person.page.expect_response("**/auth/me", timeout=VIDEO_MS):
        wait_for_rows(person.page, "Ready", 1)

    person.page.wait_for_timeout(DRAWN_MS)
    client.close()
    person.close()
