"""The back office's pages for actions on jobs: each confirms, offers valid actions only, and is recorded."""

from typing import Any

import django_rq
import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import LedgerEntry, User
from tests.conftest import MakeUser
from tests.fixtures.staff import MakeStaff, failed
from tests.fixtures.video_jobs import MakeJob
from tests.operations.reconciliation.test_comparison import paid
from videos.models import VideoJob
from videos.phases import Phase
from videos.worker import ThreadWorker

LIST = "/admin/videos/videojob/"
SEES = "view_videojob"


def page_of(job: VideoJob, name: str = "change") -> str:
    return f"{LIST}{job.pk}/{name}/"


@pytest.fixture
def operator(client: Client, make_staff: MakeStaff) -> User:
    user = make_staff(SEES, "operate_videojob", "delete_videojob")
    client.force_login(user)
    return user


@pytest.fixture
def support(client: Client, make_staff: MakeStaff) -> User:
    user = make_staff(SEES, "refund_videojob", email="support@example.com")
    client.force_login(user)
    return user


def offered(client: Client, job: VideoJob) -> set[str]:
    page = client.get(page_of(job)).content.decode()
    return {
        name
        for name in ("retry", "refund", "stop", "poll", "adopt", "delete")
        if f'href="{page_of(job, name)}"' in page
    }


ALWAYS = {"refund", "delete"}


@pytest.mark.parametrize(
    ("phase", "code", "expected"),
    [
        (Phase.QUEUED, "", {"stop", "poll"} | ALWAYS),
        (Phase.GENERATING, "", {"stop", "poll"} | ALWAYS),
        (Phase.SUCCEEDED, "", ALWAYS),
        (Phase.FAILED, "content_filtered", {"retry"} | ALWAYS),
        (Phase.FAILED, "submission_unknown", {"retry", "adopt"} | ALWAYS),
    ],
)
def test_operator_is_offered_what_makes_sense(
    client: Client,
    operator: User,
    make_user: MakeUser,
    make_job: MakeJob,
    phase: Phase,
    code: str,
    expected: set[str],
) -> None:
    fields = {"error_code": code} if code else {}

    assert offered(client, make_job(make_user(), phase=phase, **fields)) == expected


def test_support_is_offered_refunds_alone(client: Client, support: User, make_user: MakeUser) -> None:
    job = failed(make_user())

    answers = [client.post(page_of(job, name), {"confirmed": "yes"}).status_code for name in ("retry", "stop", "poll")]

    assert offered(client, job) == {"refund"}
    assert answers == [403, 403, 403]
    assert set(client.get(LIST).context["action_form"].fields["action"].choices) >= {("refund", "Refund")}
    assert VideoJob.objects.count() == 1


def test_retry_asks_who_pays_then_makes_the_job_again(client: Client, operator: User, make_user: MakeUser) -> None:
    job = failed(make_user())

    asked = client.get(page_of(job, "retry")).content.decode()
    undecided = client.post(page_of(job, "retry"), {"confirmed": "yes"}).content.decode()
    answer = client.post(page_of(job, "retry"), {"payment": "free"})

    again = VideoJob.objects.exclude(pk=job.pk).get()
    assert "Who pays for the new video" in asked
    assert "This field is required" in undecided
    assert (answer.status_code, answer["Location"], again.tokens_charged) == (302, page_of(job), 0)
    assert LogEntry.objects.get().get_change_message() == f"Retried as job {str(again.pk)[:8]}, free of charge."


def test_refund_wants_a_reason_and_is_recorded(client: Client, support: User, make_user: MakeUser) -> None:
    job = failed(make_user())

    without = client.post(page_of(job, "refund"), {"reason": " "}).content.decode()
    client.post(page_of(job, "refund"), {"reason": "The dress was green"})
    repeated = client.post(page_of(job, "refund"), {"reason": "again"}).content.decode()

    entry = LedgerEntry.objects.get(kind="refund")
    record = LogEntry.objects.get()
    assert "This field is required" in without
    assert (entry.note, entry.actor, entry.amount) == ("The dress was green", support, 50)
    assert "refunded before" in repeated
    assert (record.user, record.object_id, record.get_change_message()) == (
        support,
        str(job.pk),
        "50 tokens were refunded: The dress was green",
    )


def test_live_job_is_stopped_and_hurried(
    client: Client, operator: User, make_user: MakeUser, make_job: MakeJob
) -> None:
    job = paid(make_job(make_user(), phase=Phase.GENERATING))

    client.post(page_of(job, "poll"))
    client.post(page_of(job, "stop"), {"reason": "Asked by phone"})

    job.refresh_from_db()
    assert (job.phase, job.error_code) == (Phase.FAILED, "cancelled_by_staff")
    assert LogEntry.objects.count() == 2


def test_what_makes_no_sense_any_more_leads_back(client: Client, operator: User, make_user: MakeUser) -> None:
    job = failed(make_user())

    answer = client.get(page_of(job, "stop"), follow=True)

    assert answer.redirect_chain == [(page_of(job), 302)]
    assert "not possible in the job&#x27;s current state" in answer.content.decode()


def test_action_on_several_jobs_reports_each(
    client: Client, operator: User, make_user: MakeUser, make_job: MakeJob
) -> None:
    ann = make_user()
    live, over = paid(make_job(ann)), paid(make_job(ann, phase=Phase.SUCCEEDED))
    chosen: dict[str, Any] = {"action": "stop", "_selected_action": [str(live.pk), str(over.pk)]}

    asked = client.post(LIST, chosen).content.decode()
    untouched = VideoJob.objects.live().count()
    done = client.post(LIST, {**chosen, "confirmed": "yes", "reason": "Outage"}, follow=True).content.decode()

    assert "1 of 2 will refuse this" in asked
    assert untouched == 1
    assert "This job is finished" in done
    assert "Cancel and refund: done for 1 of 2 jobs." in done
    assert LogEntry.objects.get().object_id == str(live.pk)


def test_bulk_has_a_limit(
    client: Client, operator: User, make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videos.backoffice.staff_action_pages.MOST_AT_ONCE", 1)
    ann = make_user()
    chosen = {"action": "poll", "_selected_action": [str(make_job(ann).pk) for _ in range(2)]}

    assert "Choose at most 1 jobs at once." in client.post(LIST, chosen, follow=True).content.decode()


def test_deleting_asks_about_jobs_and_not_about_their_logs(client: Client, operator: User, make_user: MakeUser) -> None:
    job = failed(make_user())

    asked = client.get(page_of(job, "delete")).content.decode()
    client.post(page_of(job, "delete"), {"post": "yes"})

    assert f"{str(job.pk)[:8]}, Failed: A red dress" in asked
    assert "log line" not in asked
    assert not VideoJob.objects.exists()


def test_support_deletes_nothing(client: Client, support: User, make_user: MakeUser) -> None:
    job = failed(make_user())

    assert client.post(page_of(job, "delete"), {"post": "yes"}).status_code == 403
    assert VideoJob.objects.count() == 1


def test_unknown_job_has_no_page(client: Client, operator: User) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"

    assert client.get(f"{LIST}{unknown}/retry/").status_code == 404
    assert client.get(f"{LIST}{unknown}/change/").status_code == 302


@pytest.mark.parametrize("path", ["/admin/rq/", "/admin/django_rq/dashboard/"])
def test_queues_are_for_operators(
    client: Client, make_staff: MakeStaff, path: str, django_user_model: type[User]
) -> None:
    assert client.get(path).status_code == 302  # to the sign-in

    client.force_login(make_staff(SEES, "refund_videojob", email="support@example.com"))
    assert client.get(path).status_code == 403

    client.force_login(make_staff("operate_videojob"))
    assert client.get("/admin/rq/").status_code == 200


def test_metrics_of_the_queues_count_the_workers(client: Client, operator: User, rq_hints: Any) -> None:
    queue = django_rq.get_queue("submit")
    worker = ThreadWorker([queue], connection=queue.connection)
    worker.register_birth()  # type: ignore[no-untyped-call]  # RQ does not annotate it

    page = client.get("/admin/rq/metrics")
    worker.teardown()

    assert (page.status_code, f'rq_workers{{name="{worker.name}"' in page.content.decode()) == (200, True)


def test_queues_that_cannot_be_asked_say_so(
    client: Client, operator: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for queue in settings.RQ_QUEUES.values():
        monkeypatch.setitem(queue, "URL", "redis://127.0.0.1:1/0")

    page = client.get("/admin/rq/")

    assert (page.status_code, page["Retry-After"]) == (503, "10")
    assert page.content.startswith(b"Redis is not reachable")


def test_pressed_twice_it_says_so_and_leads_to_the_job(client: Client, operator: User, make_user: MakeUser) -> None:
    job = failed(make_user())
    client.post(page_of(job, "retry"), {"payment": "free"})
    again = VideoJob.objects.exclude(pk=job.pk).get()

    page = client.post(page_of(job, "retry"), {"payment": "free"}, follow=True).content.decode()
    several = {"action": "retry", "_selected_action": [str(job.pk)], "confirmed": "yes", "payment": "free"}
    listed = client.post(LIST, several, follow=True).content.decode()

    link = f'<a class="studio-link" href="{page_of(again)}">{str(again.pk)[:8]}</a>'
    sentence = f"This job was already retried, at {again.created_at:%Y-%m-%d %H:%M:%S} as job {link}."
    assert (sentence in page, sentence in listed) == (True, True)
    assert VideoJob.objects.count() == 2
    assert LogEntry.objects.count() == 1


def test_failed_job_and_its_successor_link_each_other(client: Client, operator: User, make_user: MakeUser) -> None:
    job = failed(make_user())
    client.post(page_of(job, "retry"), {"payment": "free"})
    again = VideoJob.objects.exclude(pk=job.pk).get()

    origin, successor = (client.get(page_of(each)).content.decode() for each in (job, again))
    client.post(page_of(job, "delete"), {"post": "yes"})
    orphan = client.get(page_of(again)).content.decode()

    assert f'href="{page_of(again)}">A red dress ({str(again.pk)[:8]})</a>, pending.' in origin
    assert f'Retry of the failed job <a class="studio-link" href="{page_of(job)}">A red dress' in successor
    assert "Retry of" not in orphan
