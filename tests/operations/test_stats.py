"""`manage.py stats`: its text and its JSON."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import ledger
from tests.conftest import MakeUser
from tests.fixtures.video_jobs import MakeJob
from videos.models import Upstream, VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("stats", *args, stdout=out)
    return out.getvalue()


@pytest.fixture
def jobs(make_user: MakeUser, make_job: MakeJob) -> None:
    """Today two made and one lost, yesterday one failed, and one made long ago."""
    ann, now = make_user(), timezone.now()
    upstream = Upstream.objects.filter(provider="google_veo").select_related("model").order_by("pk")[0]
    real = {"model": upstream.model.name, "provider": "google_veo", "upstream_model": upstream.upstream_model}
    Upstream.objects.filter(pk=upstream.pk).update(prices={"720p": "0.4", "1080p": "0.4"})
    made = make_job(ann, phase=Phase.SUCCEEDED, generated_at=now, mock_mode=False, **real)
    lost = make_job(ann, phase=Phase.FAILED, error_code="submission_unknown", error_message="Lost.")
    for job, seconds in ((made, 20), (make_job(ann, phase=Phase.SUCCEEDED, generated_at=now), 40)):
        VideoJob.objects.filter(pk=job.pk).update(created_at=now - timedelta(seconds=seconds), completed_at=now)
    for days, phase in ((1, Phase.FAILED), (10, Phase.SUCCEEDED)):
        VideoJob.objects.filter(pk=make_job(ann, phase=phase).pk).update(completed_at=now - timedelta(days=days))
    for job in (made, lost):
        ledger.charge(account=ann.token_account, job_id=job.pk, tokens=50)
    ledger.refund(user_id=ann.pk, job_id=lost.pk, note="lost")


def test_figures_for_scripts(jobs: None) -> None:
    facts = json.loads(run("--days", "2", "--json"))

    storage, days = facts.pop("storage"), facts.pop("days")
    assert [(day["made"], day["failed"], day["unknown"]) for day in days] == [(0, 1, 0), (2, 1, 1)]
    assert facts == {
        "made": 2,
        "failed": 2,
        "unknown": 1,
        "failures": {"submission_unknown": 1, "generation_failed": 1},
        "dollars": "1.6",
        "median_seconds": 40.0,
        "p95_seconds": 40.0,
        "tokens_charged": 100,
        "tokens_refunded": 50,
    }
    assert set(storage) == {"where", "free_bytes", "disk_bytes"}


def test_default_output_is_text(jobs: None) -> None:
    default_storage.save("videos/1.mp4", ContentFile(b"x" * 2_000_000))

    lines = run("--days", "2", "--files").splitlines()

    default_storage.delete("videos/1.mp4")
    assert lines[0].split() == ["DAY", "MADE", "FAILED", "UNKNOWN"]
    assert lines[2].split() == [str(timezone.now().date()), "2", "1", "1"]
    assert "Tokens    100 charged, 50 refunded" in lines
    assert "Providers 1.60 US dollars by the catalogue's prices" in lines
    assert " files of " in lines[-1]
    assert all(len(line) <= 120 for line in lines)


def test_no_jobs_are_no_error() -> None:
    output = run()

    assert len(output.splitlines()) == 1 + 7 + 1 + 5 + 1
    assert "median -, 95 % within -" in output


def test_query_count_does_not_depend_on_the_number_of_jobs(jobs: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(7):
        run("--days", "30")


@pytest.mark.parametrize("value", ["0", "-1", "367", "many"])
def test_invalid_days_are_refused(value: str) -> None:
    with pytest.raises(CommandError, match="is not a whole number of days from 1 to 366"):
        run(f"--days={value}")
