"""Sends the mails that are due, and reads the links in them."""

import re
import threading

from django.core import mail

from operations import account_tasks

LINK = re.compile(r"http://localhost:8000/([\w-]+)\?token=([\w-]+)")


def deliver() -> list[tuple[str, str]]:
    """Run the due mail tasks as the sweeper does; the recipient and the subject of each mail that they sent."""
    before = len(mail.outbox)
    account_tasks.send_mails(threading.Event())
    return [(message.to[0], message.subject) for message in mail.outbox[before:]]


def token_in(message: mail.EmailMessage) -> str:
    """The token of the mail's only link."""
    links = set(LINK.findall(str(message.body)))
    assert len(links) == 1, message.body
    return links.pop()[1]


def last_token() -> str:
    """Deliver, then the token of the last mail."""
    deliver()
    return token_in(mail.outbox[-1])
