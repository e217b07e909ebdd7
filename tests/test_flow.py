"""The product from outside, over real sockets: the requests of the frontend, and deaths of parts."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running import RunningStudio, wait_for
from videos.media import mp4

pytestmark = [pytest.mark.slow, pytest.mark.product, pytest.mark.xdist_group("flow")]
JOBS = "/api/v1/video-jobs"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    running = RunningStudio(tmp_path_factory.mktemp("flow"), BASE_PATH="/AIStudio")
    yield running
    running.stop()


def form(**fields: Any) -> dict[str, str]:
    """A video job's fields, as a browser's FormData sends them."""
    return {
        "prompt": "Model wearing the dress",
        "model": "veo-3.1-generate-preview",
        "resolution": "720p",
        "aspectRatio": "16:9",
        "durationSeconds": "4",
        "generateAudio": "false",
        "mockMode": "true",
    } | {name: str(value) for name, value in fields.items()}


def create(client: httpx.Client, prefix: str = "", **fields: Any) -> dict[str, Any]:
    # files= makes it multipart, with every field a part of its own
    response = client.post(f"{prefix}{JOBS}", files={name: (None, value) for name, value in form(**fields).items()})
    assert response.status_code == 202, response.text
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize("prefix", ["", "/AIStudio"])
def test_create_watch_list_play_download_delete(studio: RunningStudio, tmp_path: Path, prefix: str) -> None:
    email = f"ann{len(prefix)}@example.com"
    with studio.client(email) as client:
        created = create(client, prefix)
        done = wait_for(client, [created["id"]], seconds=60)[0]

        page = client.get(f"{prefix}{JOBS}?skip=0&limit=20", headers={"Content-Type": "application/json"}).json()
        played = httpx.get(done["cloudinaryUrl"], headers={"Range": "bytes=0-99"})
        downloaded = client.get(f"{prefix}{JOBS}/{created['id']}/download")
        deleted = client.delete(f"{prefix}{JOBS}/{created['id']}", headers={"Content-Type": "application/json"})
        gone = client.get(f"{prefix}{JOBS}/{created['id']}")
        balance = client.get(f"{prefix}/api/v1/tokens").json()["balance"]

    file = tmp_path / "video.mp4"
    file.write_bytes(downloaded.content)
    facts = mp4.inspect(path=file)
    assert created["status"] in {"PENDING", "RUNNING"}  # a free worker may be faster than the response
    assert created["cloudinaryUrl"] is None
    assert (done["status"], done["progressPercentage"]) == ("SUCCEEDED", 100)
    assert done["cloudinaryUrl"].startswith(f"{studio.url}/AIStudio/media/videos/")
    assert [item["id"] for item in page["items"]] == [created["id"]]
    assert (page["total"], page["skip"], page["limit"]) == (1, 0, 20)
    assert (played.status_code, played.headers["Content-Type"], len(played.content)) == (206, "video/mp4", 100)
    assert (facts.width, facts.height, facts.codec, facts.fps, facts.has_audio) == (1280, 720, "h264", 24, False)
    assert abs(facts.duration_seconds - 4) < 0.1
    assert (deleted.status_code, deleted.content, gone.status_code) == (204, b"", 404)
    assert balance == 950


@pytest.mark.once
def test_upright_full_hd_with_sound(studio: RunningStudio, tmp_path: Path) -> None:
    with studio.client("sound@example.com") as client:
        created = create(client, resolution="1080p", aspectRatio="9:16", generateAudio="true")
        wait_for(client, [created["id"]], seconds=90)
        (tmp_path / "video.mp4").write_bytes(client.get(f"{JOBS}/{created['id']}/download").content)

    facts = mp4.inspect(path=tmp_path / "video.mp4")
    assert (facts.width, facts.height, facts.has_audio) == (1080, 1920, True)


@pytest.mark.once
def test_body_over_the_limit_gets_its_answer(studio: RunningStudio) -> None:
    # curl, because it reads the response while its upload is being refused, as browsers do
    with studio.client("big@example.com") as client:
        authorization = client.headers["Authorization"]
    big = studio.folder / "big.bin"
    with big.open("wb") as file:
        file.truncate(60 * 1024 * 1024)

    done = subprocess.run(
        [
            "curl",
            "-s",
            "-w",
            "%{http_code}",
            "-o",
            "/dev/null",
            "-H",
            f"Authorization: {authorization}",
            "-F",
            "mockMode=true",
            "-F",
            f"initialImage=@{big};type=image/png",
            f"{studio.url}{JOBS}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == "413"


@pytest.mark.once
def test_every_scenario_of_the_mock(studio: RunningStudio) -> None:
    expected = {
        "[mock:fail]": ("FAILED", "generation_failed"),
        "[mock:filtered]": ("FAILED", "content_filtered"),
        "[mock:refused]": ("FAILED", "provider_refused"),
        "[mock:unknown]": ("FAILED", "submission_unknown"),
        "[mock:flaky]": ("SUCCEEDED", None),
        "[mock:slow=3]": ("SUCCEEDED", None),
    }
    found = {}
    with studio.client("scenes@example.com") as ann, studio.client("scenes2@example.com") as ben:
        for client, prompts in ((ann, list(expected)[:3]), (ben, list(expected)[3:])):
            ids = [create(client, prompt=prompt)["id"] for prompt in prompts]
            for job in wait_for(client, ids, seconds=90):
                found[job["prompt"]] = (job["status"], job["errorCode"])

    assert found == expected


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    running = RunningStudio(tmp_path_factory.mktemp("victim"))
    yield running
    running.stop()


@pytest.mark.once  # on PostgreSQL the crash suite is harsher
@pytest.mark.timeout(400)  # a lease of two minutes has to run out
@pytest.mark.parametrize("part", ["submit", "media", "sweeper", "valkey"])
def test_killed_part_loses_no_job(victim: RunningStudio, part: str) -> None:
    ann, ben = (victim.client(f"{name}-{part}@example.com") for name in ("ann", "ben"))
    with ann, ben:
        jobs = {ann: [create(ann)["id"] for _ in range(3)], ben: [create(ben)["id"] for _ in range(2)]}
        victim.kill(part)
        if part == "valkey":
            shutil.rmtree(victim.folder / "valkey")
        if part == "media":  # again, while it works
            while ann.get(f"{JOBS}/{jobs[ann][0]}").json()["progressPercentage"] < 90:
                time.sleep(0.2)  # without the header, six hundred requests are soon sent
            victim.kill(part)

        done = [job for client, ids in jobs.items() for job in wait_for(client, ids, seconds=300)]
        balances = [client.get("/api/v1/tokens").json()["balance"] for client in (ann, ben)]

    assert [job["status"] for job in done] == ["SUCCEEDED"] * 5
    assert balances == [850, 900]


NODE = """
const [base, email, password] = process.argv.slice(1);
const sleep = ms => new Promise(done => setTimeout(done, ms));
const main = async () => {
  const signIn = await fetch(`${base}/api/v1/auth/token`, {
    method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({email, password})});
  const {access} = await signIn.json();
  const auth = {Authorization: `Bearer ${access}`};
  const body = new FormData();
  for (const [name, value] of Object.entries({
    prompt: 'A sunset scene', model: 'veo-3.1-generate-preview', resolution: '720p', aspectRatio: '16:9',
    durationSeconds: 4, generateAudio: false, mockMode: 'true'})) body.append(name, value);
  let job = await (await fetch(`${base}/api/v1/video-jobs`, {method: 'POST', headers: auth, body})).json();
  while (!['SUCCEEDED', 'FAILED'].includes(job.status)) {
    await sleep(300);
    job = await (await fetch(`${base}/api/v1/video-jobs/${job.id}`, {headers: auth})).json();
  }
  const list = await (await fetch(`${base}/api/v1/video-jobs?skip=0&limit=20`,
    {headers: {...auth, 'Content-Type': 'application/json'}})).json();
  const row = list.items[0];
  const cells = [new Date(row.created_at).getTime() > 0, row.prompt.substring(0, 50), row.progress_percentage];
  const gone = await Promise.allSettled(list.items.map(item => fetch(`${base}/api/v1/video-jobs/${item.id}`,
    {method: 'DELETE', headers: {...auth, 'Content-Type': 'application/json'}})));
  const codes = gone.map(done => done.value.status);
  console.log(JSON.stringify({status: job.status, total: list.total, cells, gone: codes}));
};
main();
"""


@pytest.mark.once
@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
def test_javascript_client(studio: RunningStudio) -> None:
    studio.client("node@example.com").close()

    done = subprocess.run(
        ["node", "-e", NODE, studio.url, "node@example.com", "a-long-enough-passphrase"],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )

    assert done.stdout.strip() == ('{"status":"SUCCEEDED","total":1,"cells":[true,"A sunset scene",100],"gone":[204]}')
