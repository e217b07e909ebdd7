"""Reads settings from the environment; an error names the malformed variable and the expected form."""

import os
import re
import secrets
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import dj_database_url

PROJECT = Path(__file__).resolve().parent.parent

_CLOUDINARY_URL = re.compile(
    r"cloudinary://(?P<api_key>[\w-]+):(?P<api_secret>[\w-]+)@(?P<cloud_name>[\w-]+)/?(?:\?(?P<query>.+))?", re.ASCII
)
_CLOUDINARY_OPTIONS = {
    "upload_prefix": (r"https?://[^\s/]+", "https://api-eu.cloudinary.com"),
    "secure_distribution": (r"(https?://)?[^\s/]+", "media.example.com"),
    "private_cdn": ("true|false", "true"),
    "secure": ("true", "true"),  # part of many examples; always on here
}

# Origins of pages in development: this machine, private networks (RFC 1918), and mDNS names.
PRIVATE_ORIGIN = (
    r"^https?://(localhost|127\.0\.0\.1|\[::1\]|([a-z0-9-]+\.)+local"
    r"|(10(\.\d{1,3}){3}|192\.168(\.\d{1,3}){2}|172\.(1[6-9]|2\d|3[01])(\.\d{1,3}){2}))(:\d{1,5})?$"
)

known: set[str] = set()  # the variables that were read, so all that exist


class BadEnvironment(Exception):
    """A variable is missing or malformed; the message names it and the expected form."""


def comment_in(value: str) -> bool:
    """Whether something like a comment follows the value."""
    return re.search(r"\s#", value) is not None


def text(name: str, default: str = "") -> str:
    """The variable's value; empty counts as unset.

    Raises BadEnvironment for a value with a comment after it or quotes around it. Shells and some readers of files
    remove them; systemd's EnvironmentFile and `docker run --env-file` do not.
    """
    known.add(name)
    value = os.environ.get(name, "").strip()
    if comment_in(value) or value.startswith("#"):
        raise BadEnvironment(
            f"{name} has a # after a blank: systemd and docker read a comment after a value as part of it. Give the "
            "comment a line of its own."
        )
    if len(value) > 1 and value[0] == value[-1] and value[0] in {"'", '"'}:
        raise BadEnvironment(f"{name} has quotes around it, which docker run reads as part of it; leave them out.")
    return value or default


def is_checkout() -> bool:
    """Whether the code is in a developer's working copy: with `.git`, which is a file in a worktree."""
    return (PROJECT / ".git").exists()


def require_location() -> None:
    """Raises BadEnvironment outside of a developer's working copy if no variable says where the data is.

    Else a command on a server, run without the services' settings, would create a new database in the code's folder and
    report that all is well. An empty ENVIRONMENT would have that effect, too.
    """
    if "ENVIRONMENT" in os.environ and not text("ENVIRONMENT"):
        raise BadEnvironment("ENVIRONMENT has no value; it should be one of: development, production.")
    if not text("ENVIRONMENT") and not text("DATA_DIR") and not is_checkout():
        raise BadEnvironment(
            "neither ENVIRONMENT nor DATA_DIR is set, so these are not the settings of the services here. Run commands "
            "as studio-manage COMMAND (docs/production.md). To try it out: make run, or set ENVIRONMENT=development."
        )


def flag(name: str, *, default: bool) -> bool:
    """A boolean. Raises BadEnvironment for anything but true or false (1/0, yes/no, on/off)."""
    value = text(name).lower() or str(default).lower()
    if value in {"true", "1", "yes", "on"}:
        return True
    if value in {"false", "0", "no", "off"}:
        return False
    raise BadEnvironment(f"{name} is {value!r}; it should be true or false.")


def integer(name: str, default: int, *, least: int = 0, most: int = 2**31, older_name: str = "") -> int:
    """A whole number from `least` to `most`; `older_name` still counts. Raises BadEnvironment for anything else."""
    if older_name and text(older_name) and not text(name):
        name = older_name
    value = text(name) or str(default)
    if not value.isdecimal() or not least <= int(value) <= most:
        raise BadEnvironment(f"{name} is {value!r}; it should be a whole number from {least} to {most}.")
    return int(value)


def choice(name: str, default: str, *, among: tuple[str, ...]) -> str:
    """One of the values `among`. Raises BadEnvironment for any other."""
    value = text(name, default)
    if value not in among:
        raise BadEnvironment(f"{name} is {value!r}; it should be one of: {', '.join(among)}.")
    return value


def rate(name: str, default: str) -> str:
    """A rate such as 10/min, per second, minute, hour or day. Raises BadEnvironment for anything else."""
    value = text(name, default)
    count, _, period = value.partition("/")
    if not count.isdecimal() or period not in {"s", "sec", "min", "hour", "day"}:
        raise BadEnvironment(f"{name} is {value!r}; it should be a rate such as 10/min.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, blanks dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def origins(name: str) -> list[str]:
    """A comma-separated list of web origins. Raises BadEnvironment for one without a scheme or with a path."""
    values = words(name)
    for value in values:
        scheme, _, host = value.partition("://")
        if scheme not in {"http", "https"} or not host or "/" in host:
            raise BadEnvironment(f"{name} has {value!r}; an origin has the form https://app.example.com.")
    return values


def origin_or_port(name: str, default: str) -> str:
    """A web origin, a port such as ":8001", or "". Raises BadEnvironment for anything else."""
    value = text(name, default).rstrip("/")
    if value and not re.fullmatch(r":\d{1,5}|https?://[^\s/?#@]+", value):
        raise BadEnvironment(f"{name} is {value!r}; it should be an origin such as https://live.example.com.")
    return value


def url_prefix(name: str, *, example: str = "/AIStudio") -> str:
    """A path such as /AIStudio, or "". Raises BadEnvironment for one that does not start with a slash."""
    value = text(name).rstrip("/")
    if value and (not value.startswith("/") or "//" in value or any(mark in value for mark in "?# ")):
        raise BadEnvironment(f"{name} is {value!r}; it should be a path such as {example}.")
    return value


def redis_url(name: str) -> str:
    """The URL of a Redis or Valkey, or "". Raises BadEnvironment for another scheme."""
    value = text(name)
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise BadEnvironment(f"{name} should have the form redis://localhost:6379/0.")
    return value


def cloudinary_url(name: str) -> dict[str, Any] | None:
    """The account in the URL, as options of studio.media.storage.cloudinary; None if unset.

    Raises BadEnvironment for anything but cloudinary://key:secret@cloud, with or without known options.
    """
    value = text(name)
    if not value:
        return None
    match = _CLOUDINARY_URL.fullmatch(value)
    if match is None:  # the message omits the value, which has a secret
        raise BadEnvironment(f"{name} should have the form cloudinary://key:secret@cloud.")
    options = dict(parse_qsl(match["query"] or "", keep_blank_values=True))
    for option, setting in options.items():
        if option not in _CLOUDINARY_OPTIONS:
            raise BadEnvironment(f"{name} has {option!r}; it may have: {', '.join(_CLOUDINARY_OPTIONS)}.")
        pattern, example = _CLOUDINARY_OPTIONS[option]
        if not re.fullmatch(pattern, setting):
            raise BadEnvironment(f"{name} has {option}={setting}; it should be a value such as {option}={example}.")
    account = {part: match[part] for part in ("cloud_name", "api_key", "api_secret")}
    addresses = {option: options.get(option, "") for option in ("upload_prefix", "secure_distribution")}
    return account | addresses | {"private_cdn": options.get("private_cdn") == "true"}


def folder(name: str, default: str) -> str:
    """A path of plain folder names, such as a/b. Raises BadEnvironment for others, and for a version such as v1."""
    value = text(name, default).strip("/")
    parts = value.split("/")
    if len(value) > 100 or not all(re.fullmatch(r"(?!v\d+$)[\w-]+", part, re.ASCII) for part in parts):
        raise BadEnvironment(f"{name} is {value!r}; it should be a path such as ai-studio or shop/videos.")
    return value


def http_url(name: str) -> str:
    """The base URL of a web service, or "". Raises BadEnvironment for one with a query or another scheme."""
    value = text(name).rstrip("/")
    if value and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise BadEnvironment(f"{name} is {value!r}; it should be a URL such as https://host.example.com.")
    return value


def sentry_dsn(name: str) -> str:
    """A Sentry DSN, or "". Raises BadEnvironment for anything else."""
    value = text(name)
    if value and not re.fullmatch(r"https?://[^\s/?#@:]+@[^\s/?#@]+(/[^\s?#]*)?/\d+", value):
        raise BadEnvironment(f"{name} should have the form https://key@o1.ingest.sentry.io/123.")
    return value


def needs(name: str, package: str) -> None:
    """Raises BadEnvironment if the variable is set but the optional package that it needs is not installed."""
    if text(name) and find_spec(package) is None:
        raise BadEnvironment(
            f"{name} is set, but its package is not installed; pip install -r requirements-observability.txt, "
            f"or unset {name}."
        )


def bucket(name: str) -> str:
    """A folder in Google Cloud Storage, or "". Raises BadEnvironment for anything else."""
    value = text(name)
    if value and not re.fullmatch(r"gs://[a-z0-9][\w.-]+(/[^\s?#]*)?", value):
        raise BadEnvironment(f"{name} is {value!r}; it should be a folder such as gs://bucket/folder.")
    return value


def database(name: str) -> dict[str, Any] | None:
    """Django's settings for a PostgreSQL or SQLite URL; None if unset. Raises BadEnvironment for any other URL."""
    value = text(name)
    if not value:
        return None
    if not value.startswith(("postgres://", "postgresql://", "sqlite://")):
        raise BadEnvironment(f"{name} should have the form postgresql://user:password@host:5432/studio.")
    try:
        return dict(dj_database_url.parse(value))
    except ValueError as exc:
        raise BadEnvironment(f"{name} cannot be parsed; the form is postgresql://user:password@host/db.") from exc


def secret(name: str, *, least: int, create_in: Path | None) -> str:
    """A secret of at least `least` characters; if unset, the first call creates one in the folder `create_in`.

    Raises BadEnvironment for one that is too short, or unset without a folder.
    """
    value = text(name) or (_kept_secret(create_in / name.lower()) if create_in else "")
    if not value:
        raise BadEnvironment(f"{name} is not set; it should be at least {least} random characters.")
    if len(value) < least:
        raise BadEnvironment(f"{name} is too short; it should be at least {least} random characters.")
    return value


def verifying_secrets(name: str, older_name: str, *, signing: tuple[str, str], least: int) -> list[str]:
    """Secrets that verify but do not sign, comma separated, also from `older_name`. `signing`: the name and the value.

    Raises BadEnvironment for one that is too short, and for the signing one: such a rotation would do nothing.
    """
    signing_name, signing_value = signing
    for variable in (name, older_name):
        values = words(variable)
        if any(len(value) < least for value in values):
            raise BadEnvironment(f"{variable} has a secret that is too short; each needs at least {least} characters.")
        if signing_value in values:
            raise BadEnvironment(
                f"{variable} has the same secret as {signing_name}; it should have the next one or the one before."
            )
    return list(dict.fromkeys([*words(name), *words(older_name)]))


def stored_url(path: Path) -> str:
    """The URL that a running `manage.py up` has written for other commands; "" if none runs."""
    return path.read_text().strip() if path.is_file() else ""


def _kept_secret(path: Path) -> str:
    """The secret in the file. Raises BadEnvironment if the file cannot be written or read."""
    try:
        return _secret_in(path)
    except OSError as exc:
        raise BadEnvironment(f"DATA_DIR should be a folder that can be written; {exc}.") from exc


def _secret_in(path: Path) -> str:
    """The secret in the file; the first process creates it, so processes started together agree."""
    for folder in (path.parent.parent, path.parent):  # mkdir() does not apply the mode to parents
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        write_private(fresh, secrets.token_urlsafe(64))
        try:
            os.link(fresh, path)  # atomic; fails if another process was first
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read."""
    with open(path, "w", opener=partial(os.open, mode=0o600)) as file:
        file.write(content)
