"""The path of every page of the back office, found from the registered URLs."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.test import Client
from django.urls import get_resolver, reverse
from django_rq.queues import get_queue_by_index
from rq.job import Job
from rq.worker import Worker

from accounts.models import User
from tests.browser.long_rows import BOSS, QUEUE, WORD

NO_PAGES = {
    *(
        "admin:logout",
        "admin:autocomplete",
        "admin:jsi18n",
        "admin:view_on_site",
        "admin:looks_look_default",
        "admin:looks_look_revoke_link",
    ),
    "django_rq:scheduler_jobs",  # of a package that is not installed
}
SECOND_ADDRESS = "admin:django_rq_"  # of django_rq's pages, which "django_rq:" has at the first
PHASES, NEWEST = 6, 2  # rows to open: a job's page depends on its phase, others are alike


def paths() -> list[str]:
    """Every page of the back office that a link can open."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(email=BOSS))
    found = ["/admin/no-such-page/"]
    for path in dict.fromkeys(_addresses()):
        response = client.get(path, headers={"host": "127.0.0.1"})
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        # a page that fails counts too: the test reports it
        if response.status_code >= 500 or (is_page and response.status_code not in {301, 302, 405}):
            found.append(path)
    return found


def _addresses() -> Iterator[str]:
    for name, parameters in _patterns(get_resolver().url_patterns, "", ""):
        if name in NO_PAGES or name.startswith(SECOND_ADDRESS):
            continue
        for values in _values(name, parameters):
            yield reverse(name, kwargs=dict(zip(parameters, values, strict=True)))


def _patterns(patterns: list[Any], before: str, namespace: str) -> Iterator[tuple[str, list[str]]]:
    """The names below /admin/ with their parameters."""
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _patterns(pattern.url_patterns, path, inner)
        elif path.startswith("admin/") and pattern.name:
            yield f"{namespace}{pattern.name}", list(pattern.pattern.regex.groupindex)


def _values(name: str, parameters: list[str]) -> Iterator[tuple[Any, ...]]:
    """What the parameters can be: rows of the page's table, or jobs of the queue. Raises KeyError for unknown ones."""
    if not parameters:
        yield ()
    elif parameters == ["app_label"]:
        yield from {(model._meta.app_label,) for model in admin.site._registry}
    elif name.startswith("django_rq:"):
        yield from _of_queues(parameters)
    else:
        yield from _of_rows(name, parameters)


def _of_rows(name: str, parameters: list[str]) -> Iterator[tuple[Any, ...]]:
    if name == "admin:auth_user_password_change":  # Django's name for it, whatever the app
        name = "admin:accounts_user_password"
    table = next(
        model
        for model in admin.site._registry
        if name.startswith(f"admin:{model._meta.app_label}_{model._meta.model_name}_")
    )
    if parameters not in (["object_id"], ["id"], ["job_id"]):
        raise KeyError(f"{name} has parameters for which this test has no values: {parameters}")
    if not table._meta.managed:  # django_rq's, which is no table
        return
    has_age = any(field.name == "created_at" for field in table._meta.fields)
    rows = table._default_manager.order_by("-created_at" if has_age else "-pk").values_list("pk")
    yield from rows[: PHASES if table._meta.model_name == "videojob" else NEWEST if name.endswith("_change") else 1]


def _of_queues(parameters: list[str]) -> Iterator[tuple[Any, ...]]:
    queue = get_queue_by_index(QUEUE)
    workers = Worker.all(connection=queue.connection)
    jobs = [key.decode().rsplit(":", 1)[-1] for key in queue.connection.scan_iter(f"{Job.redis_job_namespace_prefix}*")]
    known: dict[str, list[Any]] = {
        "queue_index": [QUEUE],
        "job_id": jobs,
        "key": [worker.key for worker in workers][:1],
        # the pages say that none of these exist
        **{index: [0] for index in ("scheduler_index", "connection_index")},
        **{name: [WORD] for name in ("scheduler_name", "cron_job_name", "result_id")},
        "token": [],
    }
    values: list[tuple[Any, ...]] = [()]
    for parameter in parameters:
        values = [(*before, value) for before in values for value in known[parameter]]
    yield from values
