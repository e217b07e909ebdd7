"""Warnings before the last upstream of an offered model retires: checks, metric, log, dashboard, commands."""

import io
import json
import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from studio.observability.health import Depth, Finding, Health, run_checks
from tests.conftest import MakeUser
from videos import retirements
from videos.models import Upstream, VideoModel

pytestmark = pytest.mark.django_db
VEO, OMNI = "veo-3.1-generate-preview", "gemini-omni-1.2-flash"


@pytest.fixture(autouse=True)
def _only_a_key(settings: Any) -> None:
    """The one offered model is made by Omni with a key: 1.1 and 1.2."""
    settings.GEMINI_API_KEY = "a key"
    settings.VERTEX_API_KEY = settings.VERTEX_PROJECT = ""
    VideoModel.objects.exclude(name=VEO).update(is_offered=False)


def retire(days: int) -> date:
    """Give every Omni the same last day, so many days from now."""
    last = timezone.now().date() + timedelta(days=days)
    Upstream.objects.filter(provider="google_omni").update(retires_on=last)
    return last


def models(*args: str) -> str:
    out = io.StringIO()
    call_command("models", *args, stdout=out)
    return out.getvalue()


def test_upstream_without_a_date_never_retires() -> None:
    assert retirements.days_left() == {VEO: float("inf")}
    assert retirements.warnings() == []
    assert run_checks(depth=Depth.QUICK)["models"] == Finding(
        Health.OK, "No upstream of an offered model retires soon."
    )


@pytest.mark.parametrize(
    ("days", "level"), [(31, None), (30, "INFO"), (14, "WARNING"), (4, "WARNING"), (3, "ERROR"), (1, "ERROR")]
)
def test_last_retirement_is_logged(days: int, level: str | None, caplog: pytest.LogCaptureFixture) -> None:
    last = retire(days)
    caplog.set_level(logging.INFO)

    retirements.log_warnings()

    sentence = f"The last upstream of {VEO} retires on {last}, in {days} days; its successor is {OMNI}."
    logged = [(record.levelname, record.__dict__["sentence"]) for record in caplog.records]
    assert logged == ([(level, sentence)] if level else [])
    assert retirements.warnings() == ([sentence] if level else [])
    assert retirements.days_left() == {VEO: days}


def test_last_date_counts_where_every_upstream_has_one() -> None:
    retire(5)
    Upstream.objects.filter(upstream_model=OMNI).update(retires_on=timezone.now().date() + timedelta(days=20))

    assert retirements.days_left() == {VEO: 20}


def test_model_without_an_upstream_is_reported() -> None:
    retire(0)

    assert retirements.warnings() == [f"No upstream generates videos of {VEO}."]
    assert retirements.days_left() == {VEO: 0}


def test_no_warning_without_a_provider(settings: Any) -> None:
    settings.GEMINI_API_KEY = ""
    retire(0)

    assert (retirements.warnings(), retirements.days_left()) == ([], {})


def test_models_that_end_together_share_a_sentence() -> None:
    VideoModel.objects.filter(name=OMNI).update(is_offered=True)
    last = retire(9)
    Upstream.objects.update(successor="")

    assert retirements.warnings() == [f"The last upstream of {VEO}, {OMNI} retires on {last}, in 9 days."]


def test_readyz_and_dashboard_say_so(client: Client, make_user: MakeUser) -> None:
    last = retire(10)
    client.force_login(make_user("boss@example.com", staff=True))

    finding = run_checks(depth=Depth.QUICK)["models"]
    page = client.get("/admin/").content.decode()

    sentence = f"The last upstream of {VEO} retires on {last}, in 10 days; its successor is {OMNI}."
    assert finding == Finding(Health.DEGRADED, f"{sentence} See manage.py models.")
    assert sentence in page


def test_suspension_is_reported_once_for_all_models() -> None:
    VideoModel.objects.update(is_offered=True)
    since = datetime(2026, 11, 27, 9, tzinfo=UTC)
    Upstream.objects.filter(upstream_model=OMNI).update(suspended_at=since, suspended_because="gone")

    assert retirements.suspended_count() == 1
    assert f"google_omni: {OMNI} is suspended since 2026-11-27: gone." in retirements.warnings()


def test_suspension_of_an_unused_upstream_is_not_reported() -> None:
    Upstream.objects.update(suspended_at=timezone.now(), suspended_because="gone", is_enabled=False)

    assert retirements.suspended_count() == 0


def test_models_lists_states_and_days() -> None:
    last = retire(5)
    Upstream.objects.filter(upstream_model=OMNI).update(note="Ask Ann.", refusals=2)

    facts = {model["name"]: model for model in json.loads(models("--json"))}
    lines = models().splitlines()

    assert (facts[VEO]["is_offered"], facts[VEO]["days_left"], facts[OMNI]["is_offered"]) == (True, 5, False)
    assert [row["is_used"] for row in facts[VEO]["upstreams"]] == [False, False, True, True, False]
    assert facts[VEO]["upstreams"][3] == {
        "provider": "google_omni",
        "upstream_model": OMNI,
        "is_used": True,
        "reason": "",
        "retires_on": str(last),
        "days_left": 5,
        "refusals": 2,
        "prices": {"720p": "0.07", "1080p": "0.105"},
        "successor": "",
        "note": "Ask Ann.",
    }
    assert lines[0] == f"{VEO}  Veo 3.1, offered"
    assert lines[1].split("; ")[0].split() == ["google_veo:", VEO, "retired", "since", "2026-10-22"]
    assert lines[4].endswith("in use; retires in 5 days; $0.07/s in 720p, $0.105/s in 1080p; Ask Ann.")


def test_models_resumes_what_is_suspended() -> None:
    Upstream.objects.filter(upstream_model=OMNI).update(suspended_at=timezone.now(), suspended_because="gone")

    output = models("--resume", "google_omni", OMNI)

    assert output == f"google_omni: {OMNI} is in use again.\n"
    assert retirements.suspended_count() == 0
    with pytest.raises(CommandError, match=f"google_omni has no suspended model {OMNI}"):
        models("--resume", "google_omni", OMNI)
