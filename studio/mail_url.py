"""Reads EMAIL_URL and EMAIL_FROM: the server that sends mails, or a folder that keeps them as files; and the sender."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from studio.env import BadEnvironment

_FORM = (
    "smtp://user:password@host:587, smtps://user:password@host:465 or file:///folder; "
    "in a password write %23 for #, %2F for /, %40 for @ and %24 for $"
)
_SCHEMES = ("smtp", "smtp+tls", "smtps", "file")
# RFC 6409 (submission), RFC 8314 (submission with TLS from the first byte), RFC 5321 (relay).
_SUBMISSION, _SUBMISSIONS, _RELAY = 587, 465, 25
_ADDRESS = r"[^\s@<>,]+@[^\s@<>,]+"


@dataclass(frozen=True)
class MailServer:
    """Where mails go: into `folder`, or else to the SMTP server."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    implicit_tls: bool = False
    folder: Path | None = None


def server(name: str, value: str) -> MailServer:
    """The server of the URL that is the value of the variable `name`.

    `smtps` speaks TLS from the first byte, `smtp+tls` begins it with STARTTLS. So does `smtp` if it has a password,
    which others could read otherwise; `?tls=true` and `?tls=false` decide that. Raises BadEnvironment, whose message
    never repeats the URL: it has a secret.
    """
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise BadEnvironment(f"{name} should have the form {_FORM}.") from None  # its text may quote the password
    if parts.scheme == "file":
        return MailServer(folder=_folder(name, parts))
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/") or parts.fragment:
        raise BadEnvironment(f"{name} should have the form {_FORM}.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise BadEnvironment(f"{name} should have both a user and a password, or neither.")
    starttls = _has_starttls(name, parts, default=bool(password))
    is_tls = parts.scheme == "smtps"
    standard = _SUBMISSIONS if is_tls else _SUBMISSION if starttls else _RELAY
    return MailServer(parts.hostname, port or standard, user, password, starttls, is_tls)


def _folder(name: str, parts: SplitResult) -> Path:
    folder = Path(unquote(parts.path))
    if parts.netloc or parts.query or parts.fragment or not folder.name:
        raise BadEnvironment(f"{name} should name a folder by its whole path, as in file:///var/lib/studio/mail.")
    return folder


def _has_starttls(name: str, parts: SplitResult, *, default: bool) -> bool:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    chosen = options.pop("tls", None)
    if options or chosen not in {None, "true", "false"}:
        raise BadEnvironment(f"{name} may have one option: ?tls=true or ?tls=false.")
    if parts.scheme != "smtp" and chosen:
        raise BadEnvironment(f"{name} has tls={chosen}, which is for smtp:// only: {parts.scheme}:// always has TLS.")
    if parts.scheme == "smtp" and chosen is None:
        return default
    return parts.scheme == "smtp+tls" or chosen == "true"


def sender(name: str, value: str) -> str:
    """The value, a sender of mails or "". Raises BadEnvironment for anything but an address, with or without a name."""
    if value and not re.fullmatch(rf"{_ADDRESS}|[^<>,@\r\n]+ <{_ADDRESS}>", value):
        raise BadEnvironment(f"{name} is {value!r}; it should have the form AI Studio <studio@example.com>.")
    return value
