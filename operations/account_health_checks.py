"""Health checks of mails and other tasks of accounts, for `/readyz` and `doctor`."""

import smtplib
from datetime import timedelta

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError
from django.utils import timezone

from accounts import tasks
from operations.health_checks import NO_DATABASE
from studio.observability import health
from studio.observability.health import Depth, Finding, Health

LATE = timedelta(minutes=10)  # twice a lease: the task of a dead process is repeated before


def register_all() -> None:
    """Register the checks that `/readyz` runs and, with a depth, those of `doctor` only."""
    health.register("account tasks", account_tasks)
    health.register("mail", mail, depth=Depth.THOROUGH)


def account_tasks() -> Finding:
    """Check that mails, exports and deletions succeed, and in time."""
    try:
        since, failing = tasks.overdue_since(), tasks.failing()
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    if failing:
        return Finding(
            Health.DEGRADED,
            f"{failing} mails, exports or deletions of accounts fail again and again, or were given up; the admin's "
            "page of account tasks has the errors.",
        )
    if since and timezone.now() - since > LATE:
        minutes = int((timezone.now() - since).total_seconds() // 60)
        return Finding(Health.DEGRADED, f"A mail, export or deletion of an account has waited for {minutes} minutes.")
    return Finding(Health.OK, "None is late or fails.")


def mail() -> Finding:
    """Check that the mail server accepts our connection, certificate and password; sends nothing."""
    if not settings.MAIL_IS_CONFIGURED:
        return Finding(Health.OK, "EMAIL_URL is not set: users cannot reset a password or verify their address.")
    server = get_connection()
    if not isinstance(server, EmailBackend):
        return Finding(Health.OK, f"Mails are files in {settings.EMAIL_FILE_PATH}. To send them: EMAIL_URL.")
    try:
        with server:
            return Finding(Health.OK, f"{settings.EMAIL_HOST} accepts us.")
    except (smtplib.SMTPException, OSError) as exc:
        reason = f"{type(exc).__name__}: {exc}"
        return Finding(Health.DEGRADED, f"{settings.EMAIL_HOST} refuses us: {reason}. Mails wait. See EMAIL_URL.")
