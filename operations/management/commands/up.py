"""`make run`, `manage.py up`: runs the whole system on this machine; nothing else needs to be installed."""

import contextlib
import errno
import json
import os
import secrets
import socket
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connections

from accounts.registration import create_user
from accounts.roles import Role
from operations import health_checks
from operations.backup.data_folder import FolderInUse, alone_in, close_to_others
from operations.demo.account import DEMO_EMAIL, DEMO_TOKENS
from operations.local.banner import announce
from operations.local.supervisor import Console, Part, Supervisor
from operations.local.valkey import Valkey
from studio.command_line import OperatorCommand
from studio.env import write_private
from studio.observability.health import Health

PORT_SECONDS = 1.0  # how long an `up` that was just killed may still hold the port
REDIS_SECONDS = 5
ACCOUNTS = {DEMO_EMAIL: Role.NONE, "admin@example.com": Role.ADMIN}  # created at the first start, and printed


class CannotStart(Exception):
    """The reason, to follow "Cannot start:"."""


class Command(OperatorCommand):
    help = (
        "Run the whole system on this machine: Valkey (unless REDIS_URL is set), web, live, workers and sweeper. "
        "Set HOST, PORT, LIVE_PORT and DATA_DIR to change where; Ctrl+C stops it."
    )
    examples = ("up", "up --no-demo")
    failure = "cannot start; a sentence on stderr says why"
    requires_system_checks = "__all__"  # also on behalf of its parts

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="do not create the demo and admin accounts")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # inherited by its parts: only this account can read what they write
        try:
            with _data_dir_locked():
                _check_address()
                # no accounts with printed passwords in production
                self._run(with_accounts=not (options["no_demo"] or settings.PRODUCTION))
        except CannotStart as exc:
            sys.exit(f"Cannot start: {exc}")

    def _run(self, *, with_accounts: bool) -> None:
        console = Console()
        supervisor = Supervisor(logs=settings.DATA_DIR / "logs", console=console)
        url_file = settings.DATA_DIR / "valkey" / "url"
        try:
            supervisor.catch_signals()
            if not close_to_others(settings.DATA_DIR):
                supervisor.say(f"other accounts of this machine can open {settings.DATA_DIR}; chmod 700 closes it")
            _start_parts(supervisor, url_file)
            accounts = _accounts() if with_accounts else {}
            connections.close_all()
            threading.Thread(target=announce, args=(console, accounts), daemon=True).start()
            supervisor.run()
        except KeyboardInterrupt:
            pass
        finally:
            supervisor.say("stopping")
            supervisor.stop()
            url_file.unlink(missing_ok=True)
            supervisor.say("stopped")
            console.flush(within_seconds=0.3)


@contextlib.contextmanager
def _data_dir_locked() -> Iterator[None]:
    """Hold the lock of DATA_DIR. Raises CannotStart."""
    try:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(alone_in(settings.DATA_DIR))
            except OSError as exc:
                raise CannotStart(f"DATA_DIR should be a writable folder; {exc}.") from exc
            yield
    except FolderInUse as exc:
        raise CannotStart(
            f"it is already running with its data in {settings.DATA_DIR}; for a second copy set DATA_DIR and PORT."
        ) from exc


def _check_address() -> None:
    deadline = time.monotonic() + PORT_SECONDS
    while (reason := _address_problem()) and time.monotonic() < deadline:
        time.sleep(0.1)
    if reason:
        raise CannotStart(reason)


def _address_problem() -> str:
    """A sentence, or "" if servers can listen on HOST, at PORT and LIVE_PORT, now."""
    if settings.PORT == settings.LIVE_PORT:
        return f"PORT and LIVE_PORT are both {settings.PORT}; set LIVE_PORT to another one."
    return _port_problem("PORT", settings.PORT) or _port_problem("LIVE_PORT", settings.LIVE_PORT)


def _port_problem(name: str, port: int) -> str:
    host = settings.HOST
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
            probe.bind((host, port))
            probe.listen()
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            return f"port {port} is in use; set {name} to another one."
        if exc.errno == errno.EACCES:
            return f"port {port} is not open to this user; set {name} to one above 1023."
        return f"HOST is {host!r}; it should be an address of this machine, such as 127.0.0.1 or 0.0.0.0."
    return ""


def _start_parts(supervisor: Supervisor, url_file: Path) -> None:
    """Start Valkey, prepare the database, then start the parts that need both."""
    environment = {"DATA_DIR": str(settings.DATA_DIR)}
    url_file.unlink(missing_ok=True)  # left by an `up` that was killed
    valkey = Valkey(folder=url_file.parent) if settings.EMBEDDED_VALKEY else None
    if valkey:
        command = [*valkey.command, "--loglevel", "warning"]
        supervisor.start(Part("valkey", command, stage=2, prepare=valkey.configure), environment=environment)
        environment["REDIS_URL"] = valkey.url
    _prepare_database(supervisor)
    if valkey:
        _wait_for(valkey)
        write_private(url_file, valkey.url)
    else:
        _check_redis()
    for part in django_parts():
        supervisor.start(part, environment=environment)


def _prepare_database(supervisor: Supervisor) -> None:
    supervisor.say("preparing the database")
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as exc:
        reason = str(exc).strip().partition("\n")[0]
        raise CannotStart(f"the database cannot be prepared ({reason}); see DATABASE_URL.") from exc
    finding = health_checks.rows()
    if finding.health == Health.DOWN:
        raise CannotStart(f"the database cannot be used. {finding.sentence}")


def _wait_for(valkey: Valkey) -> None:
    try:
        valkey.wait_until_ready()
    except RuntimeError as exc:
        log = settings.DATA_DIR / "logs" / "valkey.log"
        raise CannotStart(
            f"the embedded Valkey does not respond; see {log}. It is safe to delete {valkey.folder}."
        ) from exc


def _check_redis() -> None:
    try:
        timeouts = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
        with redis.Redis.from_url(settings.REDIS_URL, **timeouts) as client:
            client.ping()
    except (redis.RedisError, ValueError, OSError) as exc:
        raise CannotStart(f"Redis at REDIS_URL does not respond ({exc}).") from exc


def django_parts() -> list[Part]:
    """Web, live, the workers and the sweeper."""
    python, manage = sys.executable, "manage.py"
    options = ("--skip-checks", "-v", "0")  # -v 0: keeps the level of our LOGGING
    return [
        Part("web", [python, "-m", "gunicorn", "studio.wsgi:application"]),
        Part("live", [python, manage, "live"]),
        # `up` has run Django's checks
        Part("submit", [python, manage, "rqworker", "submit", *options]),
        Part("media", [python, manage, "rqworker", "media", *options]),
        Part("webhooks", [python, manage, "rqworker", "webhooks", *options]),
        Part("sweeper", [python, manage, "sweep"], stage=1),
    ]


def _accounts() -> dict[str, str]:
    """The passwords of the demo and the admin account; "" for a password that was changed."""
    path = settings.DATA_DIR / "secrets" / "accounts.json"
    passwords: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        passwords = json.loads(path.read_text())
    missing = ACCOUNTS.keys() - passwords.keys()
    if missing:
        passwords |= {email: secrets.token_urlsafe(12) for email in missing}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, json.dumps(passwords))
    return {email: _current_password(email, passwords[email]) for email in ACCOUNTS}


def _current_password(email: str, password: str) -> str:
    user = get_user_model().objects.filter(email=email).first()
    if user:  # perhaps of another DATA_DIR, if copies share a database
        return password if user.check_password(password) else ""
    create_user(email=email, password=password, tokens=DEMO_TOKENS, role=ACCOUNTS[email], verified=True)
    return password
