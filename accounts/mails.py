"""Writes and sends the mails of account tasks. Only the sweeper does: a mail server may take seconds to respond."""

import logging
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string

from accounts import links
from accounts.models import AccountTask, User
from accounts.tasks import CannotSucceed, TryLater
from studio.errors import Unavailable
from studio.observability.redaction import Unredacted

logger = logging.getLogger(__name__)

Kind = AccountTask.Kind


class NoMail(Unavailable):
    """This deployment cannot send mails: EMAIL_URL is not set."""

    code = "no_mail"
    message = "This server sends no mails. Ask its staff for help."


@dataclass(frozen=True)
class Letter:
    """A kind of mail: who gets it, and the page that its link leads to."""

    is_for: Callable[[User], bool]
    page: str = ""
    purpose: PasswordResetTokenGenerator | None = None


LETTERS: dict[Kind, Letter] = {
    Kind.VERIFY_EMAIL: Letter(lambda user: not user.email_verified_at, "verify-email", links.VERIFICATION),
    Kind.RESET_PASSWORD: Letter(lambda user: True, "reset-password", links.RESET),
    Kind.PASSWORD_CHANGED: Letter(lambda user: True),
    Kind.WEBHOOK_DISABLED: Letter(lambda user: True),
}


def require_mail() -> None:
    """Raise NoMail if this deployment sends no mails."""
    if not settings.MAIL_IS_CONFIGURED:
        raise NoMail


def send(task: AccountTask) -> None:
    """Send the mail of the task, if an active account has the address. Raises TryLater and CannotSucceed.

    The same mail may be sent twice if a process dies just after the server accepted it; both have the same Message-ID.
    """
    letter = LETTERS[Kind(task.kind)]
    user = User.objects.filter(email=task.email, is_active=True).first()
    if user is None or not letter.is_for(user):
        return
    if not settings.MAIL_IS_CONFIGURED:
        raise TryLater("EMAIL_URL is not set.")
    link = ""
    if letter.purpose:
        token = links.token_of(user=user, purpose=letter.purpose)
        link = f"{settings.FRONTEND_URL}/{letter.page}?{urlencode({'token': token})}"
    _deliver(_message(task, link=link))
    if link and settings.LOG_MAIL_LINKS:
        logger.info("mail.written", extra={"folder": settings.EMAIL_FILE_PATH, "link": Unredacted(link)})


def _message(task: AccountTask, *, link: str) -> EmailMultiAlternatives:
    facts = {"link": link, "minutes": settings.PASSWORD_RESET_TIMEOUT // 60, "site": settings.FRONTEND_URL}
    subject, text, html = (render_to_string(f"mail/{task.kind}.{kind}", facts) for kind in ("subject", "txt", "html"))
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    headers = {"Message-ID": f"<{task.pk}@{domain}>", "Auto-Submitted": "auto-generated"}  # RFC 3834
    message = EmailMultiAlternatives(subject.strip(), text, to=[task.email], headers=headers)
    message.attach_alternative(html, "text/html")
    return message


def _deliver(message: EmailMultiAlternatives) -> None:
    """Hand the mail to the server. Raises TryLater, or CannotSucceed if the server refuses the recipient for good."""
    try:
        with get_connection() as server:
            server.send_messages([message])
    except smtplib.SMTPRecipientsRefused as exc:
        codes = [code for code, _ in exc.recipients.values()]
        kind = CannotSucceed if all(code >= 500 for code in codes) else TryLater
        raise kind("The server refuses the recipient.") from exc
    except (smtplib.SMTPException, OSError) as exc:
        raise TryLater("The mail server does not accept the mail.") from exc
