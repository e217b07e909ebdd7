"""The demo account of a development server: `manage.py up` creates it, and a page signs in to it without a password."""

import secrets

from accounts import tasks
from accounts.models import AccountTask, User
from accounts.registration import EmailTaken, create_user
from studio.errors import LimitReached

DEMO_EMAIL = "demo@example.com"
DEMO_TOKENS = 1000


def find_or_create() -> User:
    """The demo account; a new one has a random password that is not kept."""
    found = User.objects.filter(email=DEMO_EMAIL).first()
    if found:
        return found
    try:
        return create_user(email=DEMO_EMAIL, password=secrets.token_urlsafe(12), tokens=DEMO_TOKENS, verified=True)
    except EmailTaken:  # by a request at the same time
        return User.objects.get(email=DEMO_EMAIL)


def request_content(*, user: User) -> None:
    """Have the sweeper fill the account with looks and videos, unless it is about to."""
    if not tasks.unfinished().filter(kind=AccountTask.Kind.DEMO, user=user).exists():
        tasks.add(AccountTask.Kind.DEMO, user=user)


def fill(task: AccountTask) -> None:
    """Run a task of `request_content`; a second one adds only what is missing.

    Raises TryLater where the account has ordered videos meanwhile, and has no slot left.
    """
    from operations.demo import demonstration  # noqa: PLC0415 - loads the encoder, 40 MiB, in development only

    if task.user:
        try:
            for _ in demonstration.fill(user=task.user):
                tasks.renew(task)
        except LimitReached as exc:
            raise tasks.TryLater from exc
