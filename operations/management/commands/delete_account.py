"""`manage.py delete_account`: deletes a user's account."""

from argparse import ArgumentParser
from typing import Any

from accounts.models import User
from accounts.own_account import deletion
from studio.command_line import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Delete an account as its user can: it is signed out at once, and the sweeper removes its looks, video jobs "
        "and files. Only the ledger stays, without address and name. Without --yes, only say what would be deleted. "
        "For a deleted account, the removal is repeated, for example after a backup from before was restored."
    )
    examples = ("delete_account ann@example.com", "delete_account 0b6f3c1e-6c0a-4d0e-9f67-0f3a3c1d7a52 --yes")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="EMAIL|ID", help="the user's e-mail address, in any case, or id")
        parser.add_argument("--yes", action="store_true", help="delete it; otherwise only say what it has")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.find(options["user"])
        if not options["yes"]:
            self.stdout.write(f"{_summary(user)} Nothing was deleted; add --yes.")
            return
        deletion.delete_by_staff(user=user, actor=None)
        self.stdout.write(f"Account {user.pk} is deleted; the sweeper removes what it had.")


def _summary(user: User) -> str:
    jobs, looks = user.video_jobs.count(), user.looks.count()
    return f"{user} ({user.pk}) has {jobs} video jobs, {looks} looks and {user.token_account.balance:,} tokens."
