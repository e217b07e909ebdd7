"""The faults that the alerts are for, and the alerts that must fire while each lasts."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.alerts import mishaps, outages
from tests.chaos.fleet import Fleet


@dataclass(frozen=True)
class Fault:
    """A fault in words, how to cause it, and the alerts that must fire within `seconds`."""

    what: str
    alerts: tuple[str, ...]
    cause: Callable[[Fleet], AbstractContextManager[None]]
    seconds: float = 60


def _dead(*roles: str) -> Callable[[Fleet], AbstractContextManager[None]]:
    return lambda fleet: outages.without(fleet, *roles)


def key_refused(fleet: Fleet) -> AbstractContextManager[None]:
    return mishaps.google_fails(
        fleet, "submit", "403", message="The caller does not have permission", reason="PERMISSION_DENIED"
    )


def file_refused(fleet: Fleet) -> AbstractContextManager[None]:
    """The storage refuses this file for good."""
    return mishaps.storage_fails(fleet, "400 File size too large. Got 11000000. Maximum is 10485760.")


FAULTS = (
    Fault("the model's last upstream ends in five days", ("ModelEnds",), mishaps.model_ends),
    Fault("the provider refuses our key", ("ProviderRefusesUs",), key_refused),
    Fault(
        "the provider responds to polls with 500",
        ("ProviderFails",),
        lambda fleet: mishaps.google_fails(fleet, "poll", "500", jobs=9),
    ),
    Fault(
        "connections break during paid calls",
        ("AnswersAreLost",),
        lambda fleet: mishaps.google_fails(fleet, "submit", "reset"),
    ),
    Fault("Google has retired the first upstream", ("UpstreamIsSuspended",), mishaps.upstream_retired),
    Fault("a video costs $400", ("MoneyRunsOut",), mishaps.dear_video),
    Fault("Google never finishes a video", ("JobIsStuck",), mishaps.never_finished),
    Fault(
        "the storage refuses our key",
        ("StorageFails", "TransfersAreLate", "TransfersFail", "StoringTakesLong"),
        mishaps.storage_refuses,
    ),
    Fault("the storage refuses a file", ("VideosAreLost",), file_refused),
    Fault("the storage removes nothing", ("RemovalsFail",), mishaps.removals_refused),
    Fault("the mail server refuses a mail for a day", ("AccountTasksFail",), mishaps.mail_given_up),
    Fault("an account's deletion waits for its worker", ("AccountTasksAreOverdue",), mishaps.task_forgotten),
    Fault("a message to a webhook waits for its worker", ("WebhooksAreOverdue",), mishaps.message_waits),
    Fault("the live process has died", ("LiveIsDead",), mishaps.live_silent),
    Fault("a balance is changed without the ledger", ("BooksDisagree",), mishaps.balance_changed),
    Fault("the storage has lost its files", ("FilesAreMissing",), mishaps.file_vanished),
    Fault("the storage fails every request", ("FilesAreNotCompared",), mishaps.files_unreadable, seconds=250),
    Fault("no reconciliation has finished for three days", ("ReconciliationIsOld",), mishaps.reconciliation_hangs),
    Fault("the work folder is on a disk of 64 MB", ("DiskIsNearlyFull",), outages.small_disk),
    Fault("the table of jobs is locked", ("ListIsSlow",), outages.slow_lists),
    Fault("media is dead, with 150 hints", ("WorkersAreBehind",), outages.many_hints),
    Fault("removals are due, without a sweeper", ("RemovalsAreOverdue",), mishaps.removals_forgotten),
    Fault("submit is dead", ("JobsWait",), outages.no_submit_alone, seconds=200),
    Fault("sweeper and submit are dead", ("SweeperIsDead", "JobsWait"), outages.no_sweeper_and_no_submit, seconds=200),
    Fault(
        "PostgreSQL is stopped", ("DatabaseIsAway", "MetricsAreIncomplete", "ServerErrors"), outages.database_stopped
    ),
    Fault("Redis is stopped", ("MetricsAreIncomplete",), outages.redis_stopped),
    Fault("web is dead", ("WebIsAway",), _dead("web")),
)
