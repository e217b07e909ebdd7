"""Runs the tasks of accounts in the sweeper: mails in one thread, exports and deletions in another.

A mail server that hangs must not delay a deletion.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from accounts import mails, tasks
from accounts.models import AccountTask
from operations.account_data import deletion, export
from operations.demo import account

logger = logging.getLogger(__name__)

Handler = Callable[[AccountTask], bytes | None]  # returns the content to keep; raises for another attempt later
Kind = AccountTask.Kind

MAILS: Mapping[Kind, Handler] = dict.fromkeys(mails.LETTERS, mails.send)
OTHERS: Mapping[Kind, Handler] = {Kind.EXPORT: export.run, Kind.DELETION: deletion.run, Kind.DEMO: account.fill}


def send_mails(stopping: threading.Event) -> None:
    """Send the mails that are due; the rest stays due once the event is set."""
    _run_due(MAILS, stopping)


def run_others(stopping: threading.Event) -> None:
    """Run the exports and deletions that are due; the rest stays due once the event is set."""
    _run_due(OTHERS, stopping)


def _run_due(handlers: Mapping[Kind, Handler], stopping: threading.Event) -> None:
    while not stopping.is_set() and (task := tasks.claim(handlers)):
        try:
            content = handlers[Kind(task.kind)](task)
        except (tasks.CannotSucceed, tasks.TryLater) as exc:
            tasks.fail(task, exc)
        except Exception as exc:  # the edge of a task
            logger.exception("account_task.crashed", extra={"task_id": task.pk, "task_kind": task.kind})
            tasks.fail(task, exc)
        else:
            tasks.finish(task, content=content)
