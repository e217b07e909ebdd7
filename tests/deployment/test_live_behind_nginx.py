"""The site of deploy/nginx leads streams, and requests that wait, to the live process, and all others to web."""

import json
import ssl
from collections.abc import Iterator

import httpx
import pytest

from tests.deployment.nginx import Nginx
from tests.running import PASSWORD, RunningStudio

PREFIX = "/AIStudio"
EMAIL = "ann@example.com"

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.product, pytest.mark.xdist_group("live")]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    studio = RunningStudio(
        tmp_path_factory.mktemp("data"),
        ENVIRONMENT="production",
        SECRET_KEY="s" * 50,
        JWT_SIGNING_KEY="j" * 64,
        ALLOWED_HOSTS="127.0.0.1",
        BASE_PATH=PREFIX,
        TRUST_PROXY="true",
        PROXY_COUNT="1",
    )
    yield studio
    studio.stop()


@pytest.fixture(scope="module")
def nginx(studio: RunningStudio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), ports=[studio.port], live_port=studio.live_port, prefix=PREFIX)
    yield nginx
    nginx.stop()


@pytest.fixture(scope="module")
def without_live(studio: RunningStudio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """Nothing listens where it looks for the live process."""
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), ports=[studio.port], prefix=PREFIX)
    yield nginx
    nginx.stop()


@pytest.fixture(scope="module")
def token(studio: RunningStudio, nginx: Nginx) -> str:
    studio.manage("create_api_user", EMAIL, "--password-stdin", "--tokens", "1000", stdin=PASSWORD)
    with client(nginx) as anyone:
        access = anyone.post("/auth/token", json={"email": EMAIL, "password": PASSWORD}).json()["access"]
    return str(access)


def client(nginx: Nginx, token: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    verify = ssl.create_default_context(cafile=nginx.certificate)
    return httpx.Client(base_url=f"{nginx.url}/api/v1", headers=headers, verify=verify, timeout=60)


def create(user: httpx.Client) -> tuple[str, str]:
    """The id and the ETag of a new job."""
    made = user.post("/video-jobs", data={"prompt": "A red dress", "mockMode": "true"}).json()
    return made["id"], user.get(f"/video-jobs/{made['id']}").headers["ETag"]


def test_stream_sends_each_change_at_once(nginx: Nginx, token: str) -> None:
    with client(nginx, token) as user, client(nginx) as page:
        url = user.post("/video-jobs/events/ticket").json()["url"]
        with page.stream("GET", url) as stream:
            lines = stream.iter_lines()
            first = next(lines)
            job_id, _ = create(user)
            events = (
                json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")
            )  # and pings
            job = next(event for event in events if event.get("id") == job_id)  # pings have none
            while job["status"] != "SUCCEEDED":
                job = next(event for event in events if event.get("id") == job_id)  # pings have none

    assert url.startswith(f"{nginx.url}/api/v1/video-jobs/events?ticket=")
    assert (stream.headers["Content-Type"], first) == ("text/event-stream", "retry: 2000")
    assert job["cloudinaryUrl"] == f"{nginx.url}/media/videos/{job_id}.mp4"


def test_request_that_waits_gets_the_change(nginx: Nginx, token: str) -> None:
    with client(nginx, token) as user:
        job_id, etag = create(user)
        response = user.get(f"/video-jobs/{job_id}", params={"wait": 30}, headers={"If-None-Match": etag})

    assert (response.status_code, response.json()["id"]) == (200, job_id)
    assert response.headers["ETag"] != etag


def test_without_a_live_process_web_responds_to_requests_that_wait(without_live: Nginx, token: str) -> None:
    with client(without_live, token) as user:
        job_id, _ = create(user)
        waited = [user.get(f"/video-jobs/{job_id}", params={"wait": 30}) for _ in range(3)]
        stream = user.get("/video-jobs/events")

    assert [(response.status_code, response.json()["id"]) for response in waited] == [(200, job_id)] * 3
    assert stream.status_code == 502


def test_other_requests_with_wait_go_to_web(nginx: Nginx, token: str) -> None:
    with client(nginx, token) as user:
        job_id, _ = create(user)
        deleted = user.delete(f"/video-jobs/{job_id}", params={"wait": 30})
        listed = user.get("/video-jobs")

    assert (deleted.status_code, listed.status_code) == (204, 200)
