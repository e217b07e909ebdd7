"""Alerts and dashboard name existing metrics; every alert is tested and documented."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from studio.env import PROJECT
from studio.media import disks
from studio.models import Heartbeat
from studio.observability import counters
from tests.alerts.faults import FAULTS
from tests.alerts.prometheus import shortened
from tests.conftest import MakeUser, SignIn

PROMETHEUS = PROJECT / "deploy" / "prometheus"
PRODUCTION = (PROJECT / "docs" / "production.md").read_text()
RULES = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"][0]["rules"]
TESTS = yaml.safe_load((PROMETHEUS / "alerts.test.yaml").read_text())["tests"]
DASHBOARD = json.loads((PROJECT / "deploy" / "grafana" / "dashboard.json").read_text())
OF_PROMETHEUS = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate", "severity"}}
Exposed = dict[str, list[dict[str, str]]]


def dashboard_expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


EXPRESSIONS = [*(rule["expr"] for rule in RULES), *dashboard_expressions()]


@pytest.fixture
def exposed(client: Client, make_user: MakeUser, sign_in: SignIn, settings: Any) -> Exposed:
    """The labels of every series, by metric; a list was requested first, so that its route appears."""
    settings.METRICS_TOKEN = "metrics-token"
    settings.GEMINI_API_KEY = settings.VERTEX_PROJECT = "x"  # else no model has an upstream
    Heartbeat.objects.create(name="live", beat_at=timezone.now())
    sign_in(make_user()).get("/api/v1/video-jobs")
    counters.flush()
    text = client.get("/metrics", headers={"Authorization": "Bearer metrics-token"}).content.decode()
    found: Exposed = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(dict(sample.labels))
    return found


def selectors(expression: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Each metric that an expression names, with its matchers: label, operator and value."""
    for name, matchers in re.findall(r"\b(up|ALERTS|studio_\w+)\b(?:\{([^}]*)\})?", expression):
        yield name, re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers)


@pytest.mark.django_db
def test_expressions_select_what_metrics_shows(exposed: Exposed) -> None:
    missing = []
    for expression in EXPRESSIONS:
        for name, matchers in selectors(expression):
            series = exposed.get(name, [])
            labels = OF_PROMETHEUS.get(name) or {label for one in series for label in one}
            if name not in OF_PROMETHEUS and not series:
                missing.append(f"{name} of {expression}")
            missing += [f"{label} of {name}" for label, _, _ in matchers if label not in labels]
            for label, operator, value in matchers:
                if (name.startswith("studio_http_request_seconds"), label) == (True, "status"):
                    continue  # these begin with their first request
                values = [one[label] for one in series if label in one]
                for part in value.split("|") if operator == "=~" else [value]:
                    if series and operator in {"=", "=~"} and not any(re.fullmatch(part, one) for one in values):
                        missing.append(f"{name} with {label}={part}")

    assert missing == []


@pytest.mark.django_db
def test_expressions_group_by_existing_labels(exposed: Exposed) -> None:
    wrong = []
    for expression in EXPRESSIONS:
        there = {label for name, _ in selectors(expression) for one in exposed.get(name, []) for label in one}
        named = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")}
        wrong += [f"{label} of {expression}" for label in named - there - {"le"}]

    assert wrong == []


def test_alert_has_an_action_and_a_severity() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule
        assert set(rule["annotations"]) == {"summary", "action", "runbook"}, rule
        assert rule["annotations"]["summary"].endswith("."), rule


def test_runbooks_lead_to_a_section() -> None:
    for runbook in {rule["annotations"]["runbook"] for rule in RULES}:
        path, _, anchor = runbook.partition("#")
        headings = re.findall(r"^#+ (.*)$", (PROJECT / path).read_text(), re.M)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, runbook


def test_every_alert_has_a_silent_and_a_firing_case() -> None:
    silent, firing = set(), set()
    for case in TESTS:
        for check in case["promql_expr_test"]:
            alert = re.findall(r'alertname="(\w+)"', check["expr"])[0]
            (firing if check.get("exp_samples") else silent).add(alert)

    alerts = {rule["alert"] for rule in RULES}
    assert (silent, firing) == (alerts, alerts)


def test_make_alerts_causes_a_fault_for_every_alert() -> None:
    """`make alerts` causes them."""
    assert {alert for fault in FAULTS for alert in fault.alerts} == {rule["alert"] for rule in RULES}


def test_table_in_the_docs_matches_the_file() -> None:
    section = PRODUCTION[PRODUCTION.index("## 5. What to watch") : PRODUCTION.index("## 6.")]

    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.M)

    assert rows == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]
    assert "MetricsAreIncomplete" in [alert for alert, _ in rows[:5]]


def test_thresholds_of_disks_are_those_of_doctor() -> None:
    rule = next(rule for rule in RULES if rule["alert"] == "DiskIsNearlyFull")

    assert re.findall(r'where(!?=)"temporary"\} < (\d+)', rule["expr"]) == [
        ("!=", str(disks.LOW_BYTES)),
        ("=", str(disks.LOW_TEMPORARY_BYTES)),
    ]


def test_panels_have_unique_names() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    titles = [panel["title"] for panel in DASHBOARD["panels"]]

    assert (len(set(ids)), len(set(titles))) == (len(ids), len(titles))


@pytest.mark.once
@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool, of Prometheus")
def test_promtool_agrees(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(dashboard_expressions())
    ]
    panels = tmp_path / "panels.yaml"
    panels.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    short = tmp_path / "short.yaml"
    short.write_text(shortened((PROMETHEUS / "alerts.yaml").read_text()))
    token = tmp_path / "token"
    token.write_text("x")
    config = tmp_path / "prometheus.yaml"
    config.write_text(
        (PROMETHEUS / "prometheus.yaml")
        .read_text()
        .replace("alerts.yaml", str(PROMETHEUS / "alerts.yaml"))
        .replace("/etc/prometheus/ai-studio.token", str(token))
    )

    for arguments in (
        ("check", "rules", str(PROMETHEUS / "alerts.yaml"), str(panels), str(short)),
        ("check", "config", str(config)),
        ("test", "rules", "alerts.test.yaml"),
    ):
        done = subprocess.run(
            ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False, timeout=60
        )
        assert (arguments, done.returncode) == (arguments, 0), done.stdout + done.stderr
