"""The files for service managers and hosts agree with `manage.py up`, and name existing settings."""

import configparser
import http.server
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from operations.management.commands.up import django_parts
from studio.env import PROJECT

UNITS = PROJECT / "deploy" / "systemd"
ROLES = ("web", "live", "submit", "media", "webhooks", "sweeper")
MIGRATE = ("python", "manage.py", "migrate", "--noinput")
STOP_SECONDS = {"web": 40, "live": 15, "submit": 100, "media": 100, "webhooks": 30, "sweeper": 30}
ANYBODYS = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}  # not a setting of ours
ASSIGNMENT = re.compile(r"[A-Z_]+=")
Commands = dict[str, tuple[str, ...]]


def normal(command: str | list[str]) -> tuple[str, ...]:
    """A command without the path of Python and the address that a Procfile has to name."""
    words = shlex.split(command) if isinstance(command, str) else command
    words = list(itertools.dropwhile(ASSIGNMENT.match, words))
    if words[0] == "gunicorn":
        words = ["python", "-m", *words]
    if "--bind" in words:
        place = words.index("--bind")
        words = words[:place] + words[place + 2 :]
    return ("python", *words[1:]) if Path(words[0]).name.startswith("python") else tuple(words)


def of_up() -> Commands:
    return {part.name: normal(list(part.command)) for part in django_parts()}


def procfile() -> dict[str, str]:
    lines = (PROJECT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text())
    return parsed


def render() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((PROJECT / "render.yaml").read_text())
    return parsed


def on_render() -> dict[str, dict[str, Any]]:
    return {service["name"].removeprefix("studio-"): service for service in render()["services"]}


def kubernetes() -> dict[str, dict[str, Any]]:
    """The pods of the example."""
    documents = yaml.safe_load_all((PROJECT / "deploy" / "kubernetes" / "studio.yaml").read_text())
    pods = [document["spec"]["template"]["spec"] for document in documents if "template" in document["spec"]]
    return {pod["containers"][0]["name"]: pod for pod in pods}


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # names of options keep their capitals
    path = next(path for path in (UNITS / f"studio-{name}.service", UNITS / f"studio-{name}@.service") if path.exists())
    parsed.read_string(path.read_text())
    return parsed


def shown_in_the_example() -> set[str]:
    return set(re.findall(r"^# ([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))


def test_every_host_runs_the_same_commands() -> None:
    expected = of_up()
    assert tuple(expected) == ROLES

    assert {role: normal(procfile()[role]) for role in ROLES} == expected
    assert {role: normal(compose()["services"][role]["command"]) for role in ROLES} == expected
    assert {role: normal(on_render()[role]["dockerCommand"]) for role in ROLES} == expected
    assert {role: normal(unit(role)["Service"]["ExecStart"]) for role in ROLES} == expected
    pods = kubernetes()
    assert {role: normal(pods[role]["containers"][0]["command"]) for role in ROLES} == expected


def test_every_host_prepares_the_database_first() -> None:
    service = compose()["services"]

    assert normal(procfile()["release"]) == MIGRATE
    assert normal(on_render()["web"]["preDeployCommand"]) == MIGRATE
    assert normal(unit("migrate")["Service"]["ExecStart"]) == MIGRATE
    assert normal(service["migrate"]["command"]) == MIGRATE
    assert normal(kubernetes()["migrate"]["containers"][0]["command"]) == MIGRATE
    for role in ROLES:
        assert service[role]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert "studio-migrate.service" in unit(role)["Unit"]["After"].split()


def test_no_time_out_cuts_a_paid_call_short() -> None:
    assert STOP_SECONDS["submit"] > 90  # the most that PROVIDER_TIMEOUT_SECONDS may be
    assert {role: compose()["services"][role]["stop_grace_period"] for role in ROLES} == {
        role: f"{seconds}s" for role, seconds in STOP_SECONDS.items()
    }
    assert {role: on_render()[role]["maxShutdownDelaySeconds"] for role in ROLES} == STOP_SECONDS
    assert {role: int(unit(role)["Service"]["TimeoutStopSec"]) for role in ROLES} == STOP_SECONDS
    delay = int(next(each["value"] for each in kubernetes()["web"]["containers"][0]["env"]))
    assert {role: kubernetes()[role]["terminationGracePeriodSeconds"] for role in ROLES} == STOP_SECONDS | {
        "web": STOP_SECONDS["web"] + delay
    }


def test_probes_ask_for_pages_that_there_are() -> None:
    pod = kubernetes()["web"]["containers"][0]
    paths = {probe: pod[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe", "startupProbe")}
    delay = int(next(each["value"] for each in pod["env"] if each["name"] == "STOP_DELAY_SECONDS"))

    assert paths == {"readinessProbe": "/readyz", "livenessProbe": "/healthz", "startupProbe": "/healthz"}
    # the balancer has noticed before the process takes no more connections
    assert delay > pod["readinessProbe"]["periodSeconds"] * pod["readinessProbe"]["failureThreshold"]


def test_every_host_connects_to_the_port_of_the_live_process() -> None:
    service = compose()["services"]["live"]
    entries = {entry["key"]: entry.get("value") for entry in on_render()["live"]["envVars"] if "key" in entry}
    container = kubernetes()["live"]["containers"][0]
    port = service["environment"]["LIVE_PORT"]

    assert service["ports"] == [f"127.0.0.1:${{LIVE_PORT:-8001}}:{port}"]
    assert service["healthcheck"]["test"] == ["CMD", "python", "deploy/healthcheck.py", port]
    assert f"EXPOSE 8000 {port}\n" in (PROJECT / "Dockerfile").read_text()
    assert (entries["PORT"], entries["LIVE_PORT"]) == (port, port)
    assert container["ports"] == [{"name": "live", "containerPort": int(port)}]
    assert container["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": "live"}
    assert (PROJECT / "deploy" / "nginx" / "studio.conf").read_text().count(f"    server 127.0.0.1:{port} ") == 2


def test_every_process_is_bounded() -> None:
    for role in ROLES:
        service = compose()["services"][role]
        assert service["mem_limit"]
        assert service["logging"]["options"]["max-size"]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert unit(role)["Service"]["MemoryMax"]
        container = kubernetes()[role]["containers"][0]
        assert container["resources"]["limits"]["memory"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_every_variable_is_explained() -> None:
    known = shown_in_the_example()
    text = (PROJECT / "compose.yaml").read_text()
    ours = [service for service in compose()["services"].values() if service.get("image") == "studio"]
    groups = [*render()["envVarGroups"], *(service for service in render()["services"] if "envVars" in service)]
    common = (UNITS / "studio-.service.d" / "common.conf").read_text()
    image = (PROJECT / "Dockerfile").read_text()

    assert set(re.findall(r"\$\{([A-Z_]+)", text)) <= known
    assert len(ours) == len(ROLES) + 1
    assert {name for service in ours for name in service["environment"]} <= known
    assert {entry["key"] for group in groups for entry in group["envVars"] if "key" in entry} <= known
    assert set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / "Procfile").read_text())) <= known
    for source in (re.findall(r"^Environment=(.+)$", common, re.MULTILINE), re.findall(r"^ENV (.+)$", image, re.M)):
        assert {pair.partition("=")[0] for line in source for pair in line.split()} <= known | ANYBODYS


def test_page_for_production_has_one_way_to_run_commands() -> None:
    page = (PROJECT / "docs" / "production.md").read_text()

    # commands of units, and settings of `manage.py up`, which is not for servers
    others = {"COMMAND", "up", "sweep", "live", "migrate", "backup", "restore"}
    assert set(re.findall(r"(?<![\w-])manage\.py ([\w.]+)", page)) <= others
    assert set(re.findall(r"studio-manage ([a-z_]+)", page)) <= {"check", *get_commands()}


def test_target_starts_every_role() -> None:
    target = (UNITS / "studio.target").read_text()

    for role in ("migrate", *ROLES):
        assert re.search(rf"^Wants=.*studio-{role}(@1)?\.service", target, re.MULTILINE)


def test_image_has_every_app_and_no_root() -> None:
    lines = (PROJECT / "Dockerfile").read_text().splitlines()
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    }
    apps = {name for name in settings.INSTALLED_APPS if (PROJECT / name).is_dir()}

    assert copied == allowed
    assert apps <= copied
    assert all((PROJECT / name).exists() for name in copied)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001"]
    command = next(line for line in lines if line.startswith("CMD "))
    assert normal(json.loads(command.removeprefix("CMD "))) == of_up()["web"]


@pytest.mark.parametrize(("answer", "status"), [(200, 0), (400, 1), (500, 1)])
def test_container_asks_whether_it_lives(answer: int, status: int) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        assert healthcheck(server.server_port) == status
        assert healthcheck(1, str(server.server_port)) == status
        server.shutdown()
    assert healthcheck(server.server_port) == 1


def healthcheck(port: int, *arguments: str) -> int:
    command = [sys.executable, str(PROJECT / "deploy" / "healthcheck.py"), *arguments]
    return subprocess.run(command, env=os.environ | {"PORT": str(port)}, check=False, timeout=20).returncode


@pytest.mark.slow
@pytest.mark.parametrize(("query", "idle"), [("", 30), ("?keepalives_idle=5&sslmode=require", 5)])
def test_connections_that_are_gone_are_noticed(query: str, idle: object) -> None:
    code = "from studio import settings; import json; print(json.dumps(settings.DATABASES['default']['OPTIONS']))"
    environment = os.environ | {"DATABASE_URL": f"postgresql://u:p@db:5432/studio{query}"}

    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert json.loads(said.stdout) == {
        "connect_timeout": 10,
        "keepalives": 1,
        "keepalives_idle": idle,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "prepare_threshold": 5,
        "server_side_binding": True,
    } | ({"sslmode": "require"} if query else {})
