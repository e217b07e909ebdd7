"""Staff at work in a real browser, on the running product; their changes show in the API."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.running import PASSWORD, RunningStudio, wait_for

BOSS = "grace@example.com"
JOBS = "/api/v1/video-jobs"
SECONDS = 60  # for a mock video on a busy machine

# 600: the product and the browser start in it, and on a busy machine that takes minutes
pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ann(studio: RunningStudio) -> Iterator[httpx.Client]:
    with studio.client("ann@example.com", tokens=1000) as client:
        yield client


@pytest.fixture
def desk(browser: Browser, studio: RunningStudio, boss: str) -> Iterator[Page]:
    """The back office, signed in; no page may fail, or load anything from another host."""
    page = chromium.page_of(browser)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: None if _is_ours(request.url, studio) else troubles.append(request.url))
    page.on("response", lambda response: troubles.append(response.url) if response.status >= 400 else None)
    chromium.sign_in(page, url=studio.url, email=boss, password=PASSWORD)
    yield page
    page.context.close()
    assert troubles == []


def _is_ours(url: str, studio: RunningStudio) -> bool:
    return url.startswith((studio.url, "data:", "blob:"))


@pytest.fixture(scope="module")
def boss(studio: RunningStudio) -> str:
    studio.manage("create_api_user", BOSS, "--password-stdin", "--staff", stdin=PASSWORD)
    return BOSS


def failed_job(ann: httpx.Client) -> str:
    form = {"mockMode": "true", "prompt": "A red dress [mock:filtered]", "durationSeconds": "4"}
    job_id = str(ann.post(JOBS, data=form).json()["id"])
    assert wait_for(ann, [job_id], seconds=SECONDS)[0]["status"] == "FAILED"
    return job_id


def balance(ann: httpx.Client) -> int:
    return int(ann.get("/api/v1/tokens").json()["balance"])


def offered(ann: httpx.Client) -> list[str]:
    return [model["name"] for model in ann.get("/api/v1/video-models").json()["items"]]


def test_failed_job_is_found_made_again_and_refunded(desk: Page, studio: RunningStudio, ann: httpx.Client) -> None:
    job_id, before = failed_job(ann), balance(ann)

    desk.get_by_role("link", name="Video jobs", exact=True).click()
    desk.locator("#searchbar").fill(job_id[:8])
    desk.keyboard.press("Enter")
    desk.get_by_role("link", name=job_id[:8]).click()
    desk.get_by_role("link", name="Retry").click()
    desk.get_by_label("No one: it is free of charge").check()
    desk.get_by_role("button", name="Retry").click()
    desk.get_by_text("Retried as job").wait_for()
    desk.get_by_role("link", name="Refund").click()
    desk.get_by_label("Reason").fill("The filter was wrong")
    desk.get_by_role("button", name="Refund").click()
    desk.get_by_text("50 tokens were refunded: The filter was wrong").first.wait_for()

    made = [job for job in ann.get(JOBS).json()["items"] if job["id"] != job_id]
    entries = ann.get("/api/v1/tokens/ledger").json()["items"]
    assert [(job["prompt"], job["tokensCharged"]) for job in made] == [("A red dress [mock:filtered]", 0)]
    assert balance(ann) == before + 50
    assert entries[0]["note"] == "The filter was wrong"


def test_granted_tokens_are_there_to_spend(desk: Page, studio: RunningStudio, ann: httpx.Client) -> None:
    before = balance(ann)

    desk.get_by_role("link", name="Users", exact=True).click()
    desk.get_by_role("link", name="ann@example.com", exact=True).click()
    desk.get_by_role("link", name="Tokens", exact=True).click()
    desk.get_by_label("Tokens").fill("500")
    desk.get_by_label("Reason").fill("Invoice 117")
    desk.get_by_role("button", name="Continue").click()
    desk.get_by_role("button", name="Confirm").click()
    desk.get_by_text(f"ann@example.com has {before + 500:,} tokens now").wait_for()

    entry = ann.get("/api/v1/tokens/ledger").json()["items"][0]
    assert balance(ann) == before + 500
    assert (entry["kind"], entry["amount"], entry["note"]) == ("grant", 500, "Invoice 117")


def test_edit_of_the_catalogue_shows_in_the_api(desk: Page, studio: RunningStudio, ann: httpx.Client) -> None:
    names = offered(ann)

    desk.get_by_role("link", name="Models on offer", exact=True).click()
    desk.get_by_role("link", name=names[-1], exact=True).click()
    desk.locator("#id_is_offered").uncheck()
    desk.get_by_role("button", name="Save", exact=True).click()
    desk.get_by_text("changed successfully").wait_for()

    assert offered(ann) == names[:-1]


def test_filters_open_by_keyboard(browser: Browser, studio: RunningStudio, boss: str) -> None:
    page = chromium.page_of(browser, viewport=chromium.PHONE)
    chromium.sign_in(page, url=studio.url, email=boss, password=PASSWORD)

    page.goto(f"{studio.url}/admin/videos/videojob/")
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="By status").or_(page.get_by_text("By status")).first.wait_for()
    page.context.close()
