"""API keys from outside: a script makes a video with one in two web processes, until its user revokes it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.running import RunningStudio, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.xdist_group("keys")]
KEYS, JOBS, ME = "/api/v1/api-keys", "/api/v1/video-jobs", "/api/v1/auth/me"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    running = RunningStudio(tmp_path_factory.mktemp("keys"), REQUEST_RATE="1000000/min")
    yield running
    running.stop()


def test_script_makes_a_video_with_a_key(studio: RunningStudio) -> None:
    with studio.client("ann@example.com") as browser:
        created = browser.post(KEYS, json={"name": "farm", "scopes": ["videos:read", "videos:write"]}).json()
    text = created["key"]
    form = {"mockMode": True, "prompt": "A red dress"}
    once = {"Idempotency-Key": "order 7"}

    with httpx.Client(base_url=studio.url, timeout=30, headers={"Authorization": f"Bearer {text}"}) as script:
        jobs = [script.post(JOBS, json=form, headers=once).json()["id"] for _ in range(2)]
        [done] = wait_for(script, jobs[:1], seconds=60)
        video = script.get(f"{JOBS}/{done['id']}/download")
        refused = script.get(KEYS)

    assert jobs[0] == jobs[1]
    assert (done["status"], video.status_code, video.headers["Content-Type"]) == ("SUCCEEDED", 200, "video/mp4")
    assert (refused.status_code, refused.json()["code"]) == (403, "key_scope")
    logged = (studio.folder / "logs" / "web.log").read_text()
    lines = [line for line in logged.splitlines() if "request.finished" in line and f"{JOBS}/{done['id']}" in line]
    assert lines
    assert [line for line in lines if f"api_key_id={created['id']}" not in line] == []
    assert text not in logged


def test_no_request_after_a_revocation_is_accepted_by_any_process(studio: RunningStudio) -> None:
    with studio.client("bob@example.com") as browser:
        created = browser.post(KEYS, json={"name": "farm", "scopes": ["account:read"]}).json()
        responses: list[tuple[float, int, str]] = []
        is_over, is_used = threading.Event(), threading.Event()

        def use() -> None:
            while not is_over.is_set():
                sent = time.monotonic()  # each request on a connection of its own, which either process takes
                response: Any = httpx.get(f"{studio.url}{ME}", headers={"Authorization": f"Bearer {created['key']}"})
                responses.append((sent, response.status_code, response.json().get("code", "")))
                if len(responses) > 20:
                    is_used.set()

        with ThreadPoolExecutor(4) as pool:
            users = [pool.submit(use) for _ in range(4)]
            assert is_used.wait(60)
            revoked = browser.delete(f"{KEYS}/{created['id']}")
            since, before = time.monotonic(), len(responses)
            while len(responses) < before + 40 and not any(user.done() for user in users):
                time.sleep(0.01)
            is_over.set()
            for user in users:
                user.result(30)

    after = {(status, code) for sent, status, code in responses if sent > since}
    assert revoked.status_code == 204
    assert {(status, code) for _, status, code in responses} == {(200, ""), (401, "key_revoked")}
    assert after == {(401, "key_revoked")}
