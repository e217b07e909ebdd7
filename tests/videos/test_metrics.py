"""`/metrics`: for who has the token, what the tables say."""

from typing import Any

import pytest
from django.test import Client

from tests.conftest import MakeUser
from tests.videos.conftest import MakeJob
from videos import sweeper
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def gauges(client: Client) -> dict[str, float]:
    page = client.get("/metrics", headers={"Authorization": "Bearer token"}).content.decode()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line[0] != "#"}


def test_gauges_tell_what_there_is(client: Client, settings: Any, make_user: MakeUser, make_job: MakeJob) -> None:
    settings.METRICS_TOKEN = "token"
    empty = gauges(client)
    sweeper.beat()
    ann = make_user()
    for phase, fields in (
        (Phase.QUEUED, {}),
        (Phase.GENERATING, {}),
        (Phase.GENERATING, {}),
        (Phase.FAILED, {"error_code": "submission_unknown"}),
    ):
        make_job(ann, phase=phase, **fields)

    full = gauges(client)

    assert (empty["studio_jobs_oldest_live_seconds"], empty["studio_sweeper_heartbeat_seconds"]) == (0, float("inf"))
    assert {name: value for name, value in full.items() if "seconds" not in name} == {
        'studio_jobs_live{phase="generating"}': 2,
        'studio_jobs_live{phase="queued"}': 1,
        'studio_jobs_live{phase="storing"}': 0,
        'studio_jobs_live{phase="submitting"}': 0,
        "studio_jobs_lost_answers": 1,
    }
    assert 0 <= full["studio_sweeper_heartbeat_seconds"] < 60


@pytest.mark.parametrize(
    ("token", "given", "expected"), [("", "Bearer x", 404), ("token", "", 401), ("token", "Bearer töken", 401)]
)
def test_without_the_token_nothing_is_told(
    client: Client, settings: Any, token: str, given: str, expected: int
) -> None:
    settings.METRICS_TOKEN = token

    assert client.get("/metrics", headers={"Authorization": given}).status_code == expected
