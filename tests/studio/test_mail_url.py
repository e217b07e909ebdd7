"""EMAIL_URL, EMAIL_FROM and FRONTEND_URL: which settings they become, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from studio import mail_url
from studio.env import PROJECT, BadEnvironment
from studio.mail_url import MailServer

READ: dict[str, MailServer] = {
    "smtp://mail.example.com": MailServer("mail.example.com", 25),
    "smtp://[::1]:1025/": MailServer("::1", 1025),
    "smtp://ann:pw@mail.example.com": MailServer("mail.example.com", 587, "ann", "pw", starttls=True),
    "smtp://ann:pw@mail.example.com:2525?tls=false": MailServer("mail.example.com", 2525, "ann", "pw"),
    "smtp://mail.example.com?tls=true": MailServer("mail.example.com", 587, starttls=True),
    "smtp+tls://ann:pw@mail.example.com": MailServer("mail.example.com", 587, "ann", "pw", starttls=True),
    "smtps://ann%40example.com:p%2F%23%40w@mail.example.com": MailServer(
        "mail.example.com", 465, "ann@example.com", "p/#@w", implicit_tls=True
    ),
    "file:///var/lib/mail": MailServer(folder=Path("/var/lib/mail")),
}
REFUSED = {
    "mail.example.com": "X should have the form smtp://user:password@host:587",
    "http://ann:secret@mail.example.com": "X should have the form smtp://",
    "smtp://": "X should have the form smtp://",
    "smtp://ann:secret@mail.example.com/box": "X should have the form smtp://",
    "smtp://ann:sec#ret@mail.example.com": "X should have the form smtp://",
    "smtp://ann:secret@mail.example.com:port": "X should have the form smtp://",
    "smtp://ann@mail.example.com": "X should have both a user and a password, or neither.",
    "smtp://ann:secret@mail.example.com?tls=yes": "X may have one option: ?tls=true or ?tls=false.",
    "smtp://ann:secret@mail.example.com?ssl=true": "X may have one option: ?tls=true or ?tls=false.",
    "smtps://ann:secret@mail.example.com?tls=false": "X has tls=false, which is for smtp:// only",
    "file://folder": "X should name a folder by its whole path",
    "file:///": "X should name a folder by its whole path",
}


@pytest.mark.parametrize("url", READ)
def test_url_becomes_a_server(url: str) -> None:
    server = mail_url.server("X", url)

    assert server == READ[url]
    assert not server.password or server.password not in repr(server)


@pytest.mark.parametrize("url", REFUSED)
def test_malformed_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BadEnvironment) as refusal:
        mail_url.server("X", url)

    assert str(refusal.value).startswith(REFUSED[url])
    assert "sec" not in str(refusal.value)


@pytest.mark.parametrize("sender", ["", "studio@example.com", "AI Studio <studio@example.com>"])
def test_sender_with_and_without_a_name(sender: str) -> None:
    assert mail_url.sender("X", sender) == sender


@pytest.mark.parametrize("sender", ["AI Studio", "AI <a@b> <c@d>", "a@b, c@d", "Ann\n <ann@example.com>"])
def test_malformed_sender_is_refused(sender: str) -> None:
    with pytest.raises(BadEnvironment, match=r"X is .* it should have the form AI Studio <studio@example.com>"):
        mail_url.sender("X", sender)


def settings_with(tmp_path: Path, **environment: str) -> Any:
    """Some settings of a process with this environment, or the last line of its error."""
    code = (
        "import json, django.conf; s = django.conf.settings; "
        "print(json.dumps([s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_FILE_PATH, s.EMAIL_HOST, s.FRONTEND_URL, "
        "s.MAIL_IS_CONFIGURED, s.LOG_MAIL_LINKS]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "studio.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "s" * 64,
    "JWT_SIGNING_KEY": "j" * 64,
    "ALLOWED_HOSTS": "studio.example.com",
}
SERVER = {
    "EMAIL_URL": "smtp://mail.example.com",
    "EMAIL_FROM": "studio@example.com",
    "FRONTEND_URL": "https://app.example.com",
}


@pytest.mark.slow
@pytest.mark.once
def test_mails_are_files_in_development_and_need_settings_in_production(tmp_path: Path) -> None:
    here = str(tmp_path / "mail")

    assert settings_with(tmp_path) == ["filebased", here, "", "http://localhost:8000", True, True]
    assert settings_with(tmp_path, **SERVER) == [
        *("smtp", None, "mail.example.com", "https://app.example.com", True, False)
    ]
    assert settings_with(tmp_path, **PRODUCTION)[4:] == [False, False]
    assert settings_with(tmp_path, **PRODUCTION, **SERVER)[4:] == [True, False]
    for name in ("EMAIL_FROM", "FRONTEND_URL"):
        error = settings_with(tmp_path, **PRODUCTION, **SERVER | {name: ""})
        assert "EMAIL_URL is set, and EMAIL_FROM or FRONTEND_URL is not" in error
    error = settings_with(tmp_path, **PRODUCTION, REQUIRE_VERIFIED_EMAIL="true")
    assert "REQUIRE_VERIFIED_EMAIL needs EMAIL_URL" in error
