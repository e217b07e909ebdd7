"""`manage.py jobs`: shows video jobs, and repairs failures."""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from studio.command_line import FAILURE, HelpFormatter, OperatorCommand
from studio.errors import StudioError
from studio.observability.terminal import printable
from videos import deletion, staff_actions
from videos.job_report import find_by_id_prefix, report, summary
from videos.models import VideoJob
from videos.phases import Phase, Status
from videos.recovery.resumption import resume_storing
from videos.recovery.retry import retry_by_staff

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LIMIT, LIMIT_MAX = 50, 10_000
# Widths that fit, with a space between two, into 120 columns.
COLUMNS = {"id": 36, "phase": 10, "%": 3, "age": 4, "provider": 13, "error": 22, "owner": 26}


def duration(text: str) -> timedelta:
    """A length of time such as 90s, 30m, 2h or 3d."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not a length of time such as 30m, 2h or 3d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def limit(text: str) -> int:
    """A number of rows."""
    if not text.isdecimal() or not 0 < int(text) <= LIMIT_MAX:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {LIMIT_MAX:,}")
    return int(text)


class Command(OperatorCommand):
    help = (
        "Show video jobs, and repair failures. An ID may be shortened to its first characters (4 or more) if no other "
        "job's id begins with them. Options of each command: manage.py jobs COMMAND --help."
    )
    examples = (
        "jobs list --status running --older-than 30m",
        "jobs list --error submission_unknown --json | jq -r '.[].id'",
        "jobs show 550e8400",
        "jobs retry 550e8400 --free",
        "jobs refund 550e8400 --reason 'the video was black'",
        "jobs cancel 550e8400 --reason 'asked by phone'",
        "jobs list --error storage_failed --json | jq -r '.[].id' | xargs manage.py jobs resume",
    )

    refused = False  # one job of several was

    def add_arguments(self, parser: ArgumentParser) -> None:
        words = parser.add_subparsers(dest="word", metavar="COMMAND", required=True)

        def add(word: str, what: str, *, takes_id: bool = True, takes_reason: bool = False) -> ArgumentParser:
            made: ArgumentParser = words.add_parser(word, help=what, description=what, formatter_class=HelpFormatter)
            if takes_id:
                made.add_argument("id", metavar="ID", help="the job's id, or its first characters")
            if takes_reason:
                made.add_argument("--reason", required=True, help="the reason; the owner reads it in the ledger")
            self.add_json(made)
            return made

        self._add_filters(add("list", "list jobs, newest first", takes_id=False))
        add("show", "show everything about a job: row, log, ledger, inputs, files, the provider's raw reply")
        again = add("retry", "retry a failed job, as a new job of the same owner")
        again.add_argument("--free", action="store_true", help="charge nothing; the ledger records it")
        add("refund", "refund a job's tokens, once, in any phase", takes_reason=True)
        add("cancel", "cancel an unfinished job: frees its slot and refunds its tokens at once", takes_reason=True)
        resume = add(
            "resume",
            "store the videos of jobs that failed while storing, if the provider still has them; charges nothing",
            takes_id=False,
        )
        resume.add_argument("ids", metavar="ID", nargs="+", help="a job's id, or its first characters")
        add("poll", "run a job's next step now, before it is due")
        add("delete", "delete a job and its files, as its owner can; the ledger keeps its entries")

    def _add_filters(self, parser: ArgumentParser) -> None:
        parser.add_argument("--status", type=str.upper, choices=Status.values, help="status, as in the API")
        parser.add_argument("--phase", type=str.lower, choices=Phase.values, help="phase of the engine")
        parser.add_argument("--error", metavar="CODE", help="jobs that failed with this code")
        parser.add_argument("--owner", metavar="EMAIL", help="jobs of this user")
        parser.add_argument("--older-than", metavar="AGE", type=duration, help="created before 30m, 2h, 3d … ago")
        parser.add_argument(
            "--limit", metavar="N", type=limit, default=LIMIT, help="maximum number of rows (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        work = getattr(self, f"_{options['word']}")
        if "id" not in options:
            facts, text = work(options)
        else:
            facts, text = work(find_by_id_prefix(options["id"]), options)
        if options["json"]:
            self.write_json(facts)
        else:
            self.stdout.write(text)
        if self.refused:
            sys.exit(FAILURE)

    def _list(self, options: dict[str, Any]) -> tuple[Any, str]:
        jobs = self._matching(options).select_related("owner").order_by("-created_at", "-id")
        found = [summary(job) for job in jobs.defer("prompt", "result", "provider_reply")[: options["limit"]]]
        lines = [_line({name: name.upper() for name in COLUMNS}), *map(_line, map(_cells, found))]
        return found, "\n".join(lines) if found else "No job matches."

    @staticmethod
    def _matching(options: dict[str, Any]) -> QuerySet[VideoJob]:
        jobs = VideoJob.objects.all()
        if options["status"]:
            jobs = jobs.with_status(Status(options["status"]))
        if options["phase"]:
            jobs = jobs.filter(phase=options["phase"])
        if options["error"]:
            jobs = jobs.filter(phase=Phase.FAILED, error_code=options["error"])
        if options["older_than"]:
            jobs = jobs.filter(created_at__lt=timezone.now() - options["older_than"])
        if options["owner"]:
            try:
                jobs = jobs.filter(owner=User.objects.get_by_natural_key(options["owner"]))
            except User.DoesNotExist as exc:
                raise CommandError(f"No user has the e-mail address {options['owner']!r}.") from exc
        return jobs

    @staticmethod
    def _show(job: VideoJob, options: dict[str, Any]) -> tuple[Any, str]:
        facts = report(job)
        return facts, _as_text(facts)

    @staticmethod
    def _retry(job: VideoJob, options: dict[str, Any]) -> tuple[Any, str]:
        again = retry_by_staff(job_id=job.pk, charge=not options["free"], actor=None)
        text = f"Job {again.pk} retries it, for {again.tokens_charged} tokens; see manage.py jobs show {again.pk}."
        return {"id": str(again.pk), "of": str(job.pk), "tokens": again.tokens_charged}, text

    @staticmethod
    def _refund(job: VideoJob, options: dict[str, Any]) -> tuple[Any, str]:
        tokens = staff_actions.refund(job_id=job.pk, reason=options["reason"], actor=None)
        return {"id": str(job.pk), "tokens": tokens}, f"{tokens} tokens were refunded to {job.owner.email}."

    @staticmethod
    def _cancel(job: VideoJob, options: dict[str, Any]) -> tuple[Any, str]:
        staff_actions.fail_and_refund(job_id=job.pk, reason=options["reason"], actor=None)
        return {"id": str(job.pk)}, f"Job {job.pk} is cancelled, and its tokens were refunded to {job.owner.email}."

    def _resume(self, options: dict[str, Any]) -> tuple[Any, str]:
        """Resume each job; one refusal does not stop the others."""
        refusals: dict[str, str] = {}
        for beginning in options["ids"]:
            try:
                job = find_by_id_prefix(beginning)
                resume_storing(job_id=job.pk, actor=None)
            except StudioError as exc:
                self.refused = True
                refusals[beginning] = str(exc)
            else:
                refusals[str(job.pk)] = ""
        facts = [{"id": name, "resumed": not refusal, "refusal": refusal or None} for name, refusal in refusals.items()]
        resumed = "is fetched and stored again; see manage.py jobs show"
        lines = [
            f"Job {name}: {refusal}" if refusal else f"Job {name} {resumed}." for name, refusal in refusals.items()
        ]
        return facts, "\n".join(lines)

    @staticmethod
    def _poll(job: VideoJob, options: dict[str, Any]) -> tuple[Any, str]:
        staff_actions.poll_now(job_id=job.pk, actor=None)
        return {"id": str(job.pk)}, f"Job {job.pk} is due now; a running sweeper claims it within seconds."

    @staticmethod
    def _delete(job: VideoJob, options: dict[str, Any]) -> tuple[Any, str]:
        deletion.delete_by_staff(job_id=job.pk, actor=None)
        return {"id": str(job.pk)}, f"Job {job.pk} is deleted; its files are removed in the background."


def _cells(job: dict[str, Any]) -> dict[str, str]:
    facts = job | {"%": job["progress"], "age": _age(job["created_at"]), "error": job["error"] or ""}
    return {name: str(facts[name]) for name in COLUMNS}


def _line(cells: dict[str, str]) -> str:
    """One row of the table; text that does not fit ends with an ellipsis."""
    parts = []
    for name, width in COLUMNS.items():
        text = printable(cells[name])  # a job takes one line
        text = text if len(text) <= width else f"{text[: width - 1]}…"
        parts.append(text.rjust(width) if name in {"%", "age"} else text.ljust(width))
    return " ".join(parts).rstrip()


def _age(since: datetime) -> str:
    """The age in the largest fitting unit: 45s, 12m, 5h, 30d."""
    seconds = int((timezone.now() - since).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _as_text(facts: dict[str, Any]) -> str:
    """A report as text."""
    lines = [f"{name:<22} {printable(str(value))}" for name, value in facts["job"].items() if value not in (None, "")]
    sections = {
        "Looks": [f"{look['look_id']}  {look['look__title']}" for look in facts["looks"]],
        "Log": [f"{line['timestamp']:%Y-%m-%d %H:%M:%S} {line['level']:<7} {line['message']}" for line in facts["log"]],
        "Ledger": [
            f"{entry['created_at']:%Y-%m-%d %H:%M:%S} {entry['kind']:<10} {entry['amount']:>6} {entry['note']}".rstrip()
            for entry in facts["ledger"]
        ],
        "Inputs": [f"{picture['role']}-{picture['position']}  {picture['file_name']}" for picture in facts["inputs"]],
        "Files": [f"{file['name']}  {file['state']}, {file['bytes'] or 0:,} bytes" for file in facts["files"]],
        "Raw reply of the provider": facts["provider_reply"].splitlines(),
        "Commands": facts["next"],
    }
    for title, section in sections.items():
        lines += ["", title, *(f"  {printable(line)}" for line in section or ["none"])]
    return "\n".join(lines)
