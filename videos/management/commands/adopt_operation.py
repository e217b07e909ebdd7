"""`manage.py adopt_operation`: let a job continue whose operation the provider has, though we lost it."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db import DataError

from studio.command_line import NOT_WELL, USAGE, OperatorCommand
from studio.errors import Conflict, StudioError
from videos.catalogue import ASPECT_RATIOS, DURATIONS_SECONDS, RESOLUTIONS
from videos.engine.accepted_operations import Purchase, purchases_in
from videos.models import VideoJob
from videos.providers.registry import PAID, PROVIDERS
from videos.recovery.adoption import adopt_operation, job_with
from videos.recovery.recreation import recreate

CONTINUES = "the sweeper asks the provider within seconds."


class Command(OperatorCommand):
    help = (
        "Continue a failed job from the provider's operation, where the provider may have made and billed the video: "
        "jobs that failed as submission_unknown, generation_stalled, generation_timeout or result_unreadable. "
        "'jobs show' has the name; where it was lost, look in the logs ('operation.accepted') or in the provider's "
        "console. Tokens that were given back stay with the owner.\n"
        "With --owner in place of JOB: an operation that has no job, because the database comes from a backup that is "
        "older. Its row is made again, under its former id with --id, and the owner is charged the usual price, unless "
        "--free. With --log: every operation of a log (LOG_FORMAT=json) that has no job, and failed jobs as above; "
        "what is there already is left alone, so it can be run again. A line that cannot be used is refused, and the "
        "others are adopted. See docs/restore.md."
    )
    examples = (
        "jobs list --error submission_unknown",
        "adopt_operation 550e8400-e29b-41d4-a716-446655440000 models/veo-3.1-generate-preview/operations/abc123",
        "adopt_operation --owner ann@example.com --provider google_veo --model veo-3.1-generate-preview \\\n"
        "    --id 550e8400-e29b-41d4-a716-446655440000 models/veo-3.1-generate-preview/operations/abc123",
        "adopt_operation --log - < accepted.jsonl",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        words = "the job's id, unless --owner makes a job; and the operation's name, as the provider spells it"
        parser.add_argument("words", metavar="JOB NAME", nargs="*", help=words)
        parser.add_argument(
            "--log", metavar="FILE", help="JSON lines with 'operation.accepted' among them; - reads standard input"
        )
        group = parser.add_argument_group("an operation without a job")
        group.add_argument("--owner", metavar="EMAIL_OR_ID", help="whose video it is")
        group.add_argument("--provider", choices=sorted(PAID), help="who makes it")
        group.add_argument("--model", metavar="NAME", help="the public name of the model")
        group.add_argument("--upstream-model", metavar="NAME", default="", help="the provider's name of the model")
        group.add_argument("--id", metavar="JOB", type=UUID, help="the job's former id; clients know it by that")
        group.add_argument("--resolution", choices=RESOLUTIONS, default=RESOLUTIONS[0])
        group.add_argument("--aspect-ratio", choices=ASPECT_RATIOS, default=ASPECT_RATIOS[0])
        group.add_argument("--duration", type=int, choices=DURATIONS_SECONDS, default=DURATIONS_SECONDS[0])
        group.add_argument("--audio", action="store_true", help="it was asked for with sound")
        group.add_argument("--free", action="store_true", help="charge nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        given = len(options["words"]), options["owner"] is not None, options["log"] is not None
        if given == (0, False, True):
            self._adopt_all(options["log"])
        elif given == (1, True, False):
            job = recreate(purchase=_purchase(options), actor=None)
            self.stdout.write(f"Job {job.pk} is there again, {_price(job)}; {CONTINUES}")
        elif given == (2, False, False):
            job_id, operation = options["words"]
            adopt_operation(job_id=_id_in(job_id), operation=operation, actor=None)
            self.stdout.write(f"Taken up again; {CONTINUES}")
        else:
            raise CommandError("Say JOB NAME, or --owner … NAME, or --log FILE.", returncode=USAGE)

    def _adopt_all(self, file: str) -> None:
        adopted = known = 0
        last, refused = self._purchases(file)
        for job_id, (number, purchase) in last.items():
            try:
                done = _adopt(purchase)
            except (StudioError, DataError) as exc:
                refused += 1
                self.stdout.write(f"Line {number}: job {job_id} is not adopted: {exc}")
                continue
            adopted, known = adopted + bool(done), known + (not done)
            if done:
                self.stdout.write(f"Job {job_id} {done}")
        self.stdout.write(f"{adopted} adopted, {known} known already, {refused} refused.")
        if refused:
            sys.exit(NOT_WELL)

    def _purchases(self, file: str) -> tuple[dict[UUID | None, tuple[int, Purchase]], int]:
        """By job, the last line that was paid for: a job is sent again where its provider gave it up uncharged.

        And how many lines cannot be used; each is named.
        """
        last, refused = {}, 0
        try:
            for number, found in _read(file):
                if isinstance(found, StudioError):
                    refused += 1
                    self.stdout.write(f"Line {number} cannot be used: {found}")
                elif found.provider in PAID or found.provider not in PROVIDERS:
                    last[found.job_id] = number, found
        except OSError as exc:
            raise CommandError(f"{file} cannot be read: {exc.strerror}.") from exc
        return last, refused


def _read(file: str) -> Iterator[tuple[int, Purchase | StudioError]]:
    """What the log has of purchases; "-" is standard input. Raises OSError."""
    is_stdin = file == "-"
    with open(
        sys.stdin.fileno() if is_stdin else file, encoding="utf-8", errors="replace", closefd=not is_stdin
    ) as log:
        yield from purchases_in(log)


def _adopt(purchase: Purchase) -> str:
    """What was done; "" where the operation has a job already. Raises StudioError."""
    if job_with(provider=purchase.provider, operation=purchase.operation):
        return ""
    assert purchase.job_id
    job = VideoJob.objects.filter(pk=purchase.job_id).first()
    if job:
        if job.operation:
            raise Conflict(f"it has another operation, {job.operation}.")
        adopt_operation(job_id=job.pk, operation=purchase.operation, actor=None)
        return "is taken up again."
    return f"is there again, {_price(recreate(purchase=purchase, actor=None))}."


def _id_in(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise CommandError(f"{text!r} is no job's id.", returncode=USAGE) from exc


def _price(job: VideoJob) -> str:
    return f"{job.tokens_charged} tokens charged" if job.tokens_charged else "free of charge"


def _purchase(options: dict[str, Any]) -> Purchase:
    if not (options["provider"] and options["model"]):
        raise CommandError("With --owner, say --provider and --model, too.", returncode=USAGE)
    return Purchase(
        owner=options["owner"],
        provider=options["provider"],
        model=options["model"],
        operation=options["words"][0],
        job_id=options["id"],
        upstream_model=options["upstream_model"],
        resolution=options["resolution"],
        aspect_ratio=options["aspect_ratio"],
        duration_seconds=options["duration"],
        generate_audio=options["audio"],
        is_free=options["free"],
    )
