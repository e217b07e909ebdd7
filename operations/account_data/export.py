"""Writes all that is stored about a user into a ZIP, page by page, in bounded memory."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from accounts import tasks
from accounts.models import AccountTask, User
from accounts.own_account.exports import MIB_MAX, ExportTooLarge
from operations.account_data import account_rows, work_rows

MIB = 1024 * 1024
RENEW_EVERY = 1000  # items between two renewals of the task's lease; some hundred milliseconds
Lines = Iterable[bytes]

README = """AI Studio: everything that is stored about the account {id}, as of {now:%Y-%m-%d %H:%M} UTC.

{files}

Times are in UTC. JSON is UTF-8; `video-jobs.json`, `looks.json` and the other lists have the names of fields that the
API has. Pictures and videos are not in this file: `…Url` and `pictures` link to them. The links work while the account
has the look or the video job. Passwords and API keys are not stored in readable form, so they cannot be exported; the
addresses of links to looks are not in this file, because everyone can open them.
"""


def run(task: AccountTask) -> bytes:
    """The ZIP that the task asks for. Raises CannotSucceed for a too large one."""
    user = User.objects.select_related("token_account").get(account_tasks=task)
    with tempfile.TemporaryFile() as file:
        try:
            write(user=user, file=file, origin=task.origin, max_bytes=MIB_MAX * MIB, renew=lambda: tasks.renew(task))
        except ExportTooLarge as exc:
            raise tasks.CannotSucceed from exc
        file.seek(0)
        return file.read()


def write(
    *,
    user: User,
    file: IO[bytes],
    origin: str,
    max_bytes: int | None = None,
    renew: Callable[[], object] = lambda: None,
) -> None:
    """Write the ZIP. `origin` is the scheme and host of links to files of the local storage; `renew` is called often.

    Raises ExportTooLarge for one of more than `max_bytes`.
    """
    parts = {
        "account.json": ("the account", _json(account_rows.account(user))),
        "sign-ins.json": ("attempts to sign in", _array(account_rows.sign_ins(user))),
        "sessions.json": ("where the account is or was signed in", _array(account_rows.sessions(user))),
        "api-keys.json": ("API keys, without the keys themselves", _array(account_rows.api_keys(user))),
        "webhooks.json": ("webhooks, without their secrets", _array(work_rows.webhooks(user))),
        "ledger.json": ("every movement of tokens, oldest first", _array(account_rows.ledger(user))),
        "ledger.csv": ("the same, for a spreadsheet", account_rows.ledger_csv(user)),
        "looks.json": ("looks with their products, shares and links", _array(work_rows.looks(user, origin))),
        "video-jobs.json": ("video jobs, with links to the videos", _array(work_rows.video_jobs(user, origin))),
    }
    files = "\n".join(f"{name:<18}{what}" for name, (what, _) in parts.items())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README.format(id=user.pk, now=timezone.now(), files=files))
        for name, (_, lines) in parts.items():
            entry = zipfile.ZipInfo(name, date_time=timezone.now().timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as part:
                for number, line in enumerate(lines):
                    part.write(line)
                    if number % RENEW_EVERY == 0:
                        renew()
                    if max_bytes is not None and file.tell() > max_bytes:
                        raise ExportTooLarge


def _json(item: Any) -> Lines:
    yield json.dumps(item, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2).encode()


def _array(items: Iterable[Any]) -> Iterator[bytes]:
    yield b"["
    for number, item in enumerate(items):
        yield b",\n" if number else b"\n"
        yield json.dumps(item, cls=DjangoJSONEncoder, ensure_ascii=False).encode()
    yield b"\n]\n"
