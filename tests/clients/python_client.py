"""The scenario of scenario.ts, with the client that openapi-python-client makes; run in a folder with that client."""

import sys
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from uuid import UUID

from api import AuthenticatedClient, Client  # type: ignore[import-not-found]  # generated
from api.api.accounts import sign_in
from api.api.video_jobs import create_video_job, download_video, get_video_job, list_video_jobs
from api.models import FailureCode, SignInFormRequest, TokenPair, VideoJobDetail, VideoJobRequest, VideoStatus
from api.types import File

url, email, password, folder = sys.argv[1:]


def picture(name: str) -> File:
    """One of the pictures in the folder."""
    return File(BytesIO(Path(folder, f"{name}.png").read_bytes()), f"{name}.png", "image/png")


def finished(client: AuthenticatedClient, job_id: UUID) -> VideoJobDetail:
    """The job at its end."""
    for _ in range(200):
        job = get_video_job.sync(job_id, client=client)
        if job.status in {VideoStatus.SUCCEEDED, VideoStatus.FAILED}:
            return job
        time.sleep(0.3)
    raise AssertionError(f"{job_id} does not end")


def ids(client: AuthenticatedClient, statuses: Sequence[VideoStatus]) -> list[UUID]:
    """The jobs with one of the statuses."""
    return [job.id for job in list_video_jobs.sync(client=client, status=list(statuses)).items]


tokens = sign_in.sync(client=Client(base_url=url), body=SignInFormRequest(email=email, password=password))
assert isinstance(tokens, TokenPair)
client = AuthenticatedClient(base_url=url, token=tokens.access)
form = VideoJobRequest(
    mock_mode=True,
    prompt="A red dress",
    initial_image=picture("first"),
    end_frame=picture("last"),
    reference_images=[picture("reference")],
)
good = create_video_job.sync(client=client, body=form)
bad = create_video_job.sync(client=client, body=VideoJobRequest(mock_mode=True, prompt="[mock:fail]"))
assert isinstance(good, VideoJobDetail)
assert isinstance(bad, VideoJobDetail)

assert finished(client, good.id).status == VideoStatus.SUCCEEDED
assert finished(client, bad.id).error_code == FailureCode.GENERATION_FAILED
assert ids(client, [VideoStatus.SUCCEEDED, VideoStatus.FAILED]) == [bad.id, good.id]
assert ids(client, [VideoStatus.PENDING, VideoStatus.RUNNING]) == []
assert download_video.sync(good.id, client=client).payload.read()[4:8] == b"ftyp"
sys.stdout.write("ok\n")
