"""What must hold after every run: compares the rows with the records of Google and Cloudinary."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from tests.chaos.catalogue import suspended_models
from tests.chaos.database import Row
from tests.chaos.fleet import START_TOKENS, TERMINAL, Fleet, Job
from tests.chaos.hooks.tempo import ADOPTION_SECONDS
from tests.chaos.processes import wait_until

PRICE = 50  # tokens
# Error codes that are refunded under the policy `unstarted`; only those that the suite causes.
UNDELIVERED = {"provider_refused", "provider_busy", "model_unavailable", "submission_unknown"}


@dataclass
class Outcome:
    """A row of the table. `doubled`, `stuck` and `money` must be 0; `faults` describes each violation."""

    scenario: str
    jobs: int = 0
    succeeded: int = 0
    unknown: int = 0
    doubled: int = 0
    stuck: int = 0
    money: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.doubled or self.stuck or self.money or self.faults)

    def add(self, other: "Outcome") -> None:
        """Add the numbers of another run."""
        for column in ("jobs", "succeeded", "unknown", "doubled", "stuck", "money"):
            setattr(self, column, getattr(self, column) + getattr(other, column))
        self.faults += other.faults

    def blame(self, column: str, sentence: str) -> None:
        """Count and describe a fault."""
        setattr(self, column, getattr(self, column) + 1)
        self.faults.append(f"{column}: {sentence}")


def examine(
    fleet: Fleet, jobs: Sequence[Job], *, scenario: str, unknown_at_most: int = 0, may_fail: Sequence[str] = ()
) -> Outcome:
    """Wait for the jobs to end, then compare everything. `may_fail`: error codes that the scenario expects."""
    fleet.finish(jobs)
    outcome = Outcome(scenario, jobs=len(jobs))
    rows, works = fleet.rows(jobs), fleet.google.works_by_prompt()
    for job in jobs:
        paid = len(works.get(job.prompt, []))
        if paid > 1:
            outcome.blame("doubled", f"job {job.id} was bought {paid} times")
        if not job.is_deleted:
            _judge(outcome, fleet, job, rows.get(job.prompt), paid, may_fail)
    if outcome.unknown > unknown_at_most:
        outcome.blame(
            "stuck", f"{outcome.unknown} jobs are unknown; at most {unknown_at_most} responses can have been lost"
        )
    faults = (_inconsistent_rows(fleet), _wrongly_suspended(fleet), _orphaned_files(fleet), fleet.listener.faults())
    for sentence in chain(*faults):
        outcome.blame("stuck", sentence)
    for sentence in _wrong_money(fleet):
        outcome.blame("money", sentence)
    return outcome


def _judge(outcome: Outcome, fleet: Fleet, job: Job, row: Row | None, paid: int, may_fail: Sequence[str]) -> None:
    """Compare one job with the vendors' records."""
    if row is None:
        outcome.blame("stuck", f"job {job.id} has no row")
    elif row["phase"] == "succeeded":
        outcome.succeeded += 1
        if fault := _fault_of_file(fleet, job, row):
            outcome.blame("stuck", f"job {job.id} {fault}")
    elif row["phase"] == "failed" and row["error_code"] == "submission_unknown":
        outcome.unknown += 1
    elif row["phase"] == "failed":
        if row["error_code"] not in may_fail:
            outcome.blame(
                "stuck", f"job {job.id} failed: {row['error_code']} {row['provider_reply']}, bought {paid} times"
            )
    else:
        outcome.blame("stuck", f"job {job.id} is still {row['phase']}, due at {row['due_at']}")


def _fault_of_file(fleet: Fleet, job: Job, row: Row) -> str:
    works = fleet.google.works_by_prompt().get(job.prompt, [])
    if not works:
        return "succeeded, but Google has no record of it"
    stored = fleet.cloudinary.files().get(_key(row["video"]))
    if stored is None:
        return f"succeeded, but its file {row['video']} is gone"
    if stored not in [fleet.google.account.video_of(work) for work in works]:
        return f"succeeded with {len(stored)} bytes that are not its video's"
    if _key(row["poster"]) not in fleet.cloudinary.files():
        return f"succeeded, but its poster {row['poster']} is gone"
    return ""


def _key(name: str) -> str:
    """Where Cloudinary keeps the file of a stored name: `video:chaos/videos/1`."""
    if "/upload/" not in name:  # as it was registered before the upload
        kind = "video" if name.endswith(".mp4") else "image"
        return f"{kind}:chaos/{name.rpartition('.')[0]}"
    front, _, path = name.partition("/upload/")
    return f"{front.rpartition('/')[2]}:{path.partition('/')[2].rpartition('.')[0]}"


def _inconsistent_rows(fleet: Fleet) -> Iterator[str]:
    """Rows that the constraints of the tables should prevent; checked all the same."""
    rows = fleet.database.rows("SELECT * FROM videos_videojob")
    for row in rows:
        is_live = row["phase"] not in TERMINAL
        if is_live != (row["due_at"] is not None):
            yield f"job {row['id']} is {row['phase']}, due at {row['due_at']}"
        if is_live != (row["slot"] is not None):
            yield f"job {row['id']} is {row['phase']}, in slot {row['slot']}"
    known = {job.prompt for job in fleet.jobs}
    seen = Counter(row["prompt"] for row in rows)
    for prompt, count in seen.items():
        if count > 1 or prompt not in known:
            yield f"{count} rows for the order {prompt!r}"
    deleted = {job.prompt for job in fleet.jobs if job.is_deleted}
    for prompt in deleted & seen.keys():
        yield f"{prompt!r} was deleted but still has a row"


def _wrongly_suspended(fleet: Fleet) -> list[str]:
    """Suspended upstreams whose model Google still has."""
    return [f"{model} is suspended" for model in suspended_models(fleet.database) - fleet.google.account.retired]


def _orphaned_files(fleet: Fleet) -> list[str]:
    """Files that neither a row nor a pending removal refers to. Read twice: a removal may be in progress."""
    found = _unknown_files(fleet)
    if found:
        time.sleep(1)
        found &= _unknown_files(fleet)
    return [f"no row refers to the file {key}" for key in sorted(found)]


def _unknown_files(fleet: Fleet) -> set[str]:
    stored = set(fleet.cloudinary.files())  # read first: files stored later are not compared
    known = set()
    for sql in (
        "SELECT file_name AS name FROM videos_jobinput",
        "SELECT video AS name FROM videos_videojob UNION ALL SELECT poster FROM videos_videojob",
        "SELECT name FROM studio_disposal",
    ):
        known |= {_key(row["name"]) for row in fleet.database.rows(sql) if row["name"]}
    return stored - known


def _wrong_money(fleet: Fleet) -> Iterator[str]:
    """For each customer: balance = sum of the ledger = start tokens - charges + refunds due."""
    balances = {row["user_id"]: row for row in fleet.database.rows("SELECT * FROM accounts_tokenaccount")}
    entries = fleet.database.rows("SELECT * FROM accounts_ledgerentry")
    sums = Counter[str]()
    of_job: dict[str, Counter[str]] = {}
    notes = {entry["video_job_id"]: entry["note"] for entry in entries if entry["kind"] == "refund"}
    for entry in entries:
        sums[entry["account_id"]] += entry["amount"]
        if entry["video_job_id"]:
            of_job.setdefault(entry["video_job_id"], Counter())[entry["kind"]] += 1
    rows = {row["id"]: row for row in fleet.database.rows("SELECT * FROM videos_videojob")}
    works = fleet.google.works_by_prompt()
    for customer in fleet.customers:
        account = balances[customer.id]
        expected = START_TOKENS
        for job in customer.jobs:
            made = of_job.pop(job.id, Counter())
            paid = len(works.get(job.prompt, []))
            refunds = _refunds_due(fleet, job, row=rows.get(job.id), note=notes.get(job.id, ""), paid=paid)
            expected += PRICE * (refunds - 1)
            if made != Counter({"charge": 1} | ({"refund": 1} if refunds else {})):
                yield (
                    f"job {job.id} has {dict(made)} in the ledger instead of 1 charge and {refunds} refunds; "
                    f"refunded as {notes.get(job.id)!r}, bought {paid} times"
                )
        if not account["balance"] == sums[account["id"]] == expected:
            yield f"account {account['id']}: {account['balance']}, entries {sums[account['id']]}, due {expected}"
    for job_id, made in of_job.items():
        yield f"{dict(made)} in the ledger for job {job_id}, which no customer ordered"


def _refunds_due(fleet: Fleet, job: Job, *, row: Row | None, note: str, paid: int) -> int:
    """How many refunds the job should have; `note` is that of its refund, "" without one."""
    if row is None:  # deleted: refunded if no vendor was asked for the video, or if it counted as lost before
        return int(bool(note) and (paid == 0 or note == "video job failed: submission_unknown"))
    if row["operation"] and note and "adopted" in job.prompt:
        return 1  # refunded when it counted as lost; that stays
    if row["phase"] != "failed" or fleet.policy == "never":
        return 0
    return int(fleet.policy == "failed" or row["error_code"] in UNDELIVERED)


def examine_remaining_files(fleet: Fleet, outcome: Outcome) -> None:
    """Wait for all pending removals: then each success still has its file, and no other file is stored."""
    pending = "SELECT name, due_at, attempts, last_error FROM studio_disposal"
    try:
        wait_until(lambda: not fleet.database.rows(pending), seconds=ADOPTION_SECONDS + 6, what="removals", every=0.2)
    except TimeoutError:
        outcome.blame("stuck", f"files are still to be removed: {fleet.database.rows(pending)[:3]}")
    rows = fleet.rows(fleet.jobs)
    for job in fleet.jobs:
        row = rows.get(job.prompt)
        if row and row["phase"] == "succeeded" and (fault := _fault_of_file(fleet, job, row)):
            outcome.blame("stuck", f"job {job.id}, at the end, {fault}")
    for sentence in _orphaned_files(fleet):
        outcome.blame("stuck", sentence)
    status, output = fleet.processes.run(argv=["manage.py", "reconcile"])
    if status:
        outcome.blame("stuck", f"manage.py reconcile: {output[-1000:]}")
