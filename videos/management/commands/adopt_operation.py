"""`manage.py adopt_operation`: continues jobs from their operation at the provider, whose name we lost."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db import DataError

from studio.command_line import FAILURE, USAGE, OperatorCommand
from studio.errors import Conflict, StudioError
from videos.catalogue import ASPECT_RATIOS, DURATIONS_SECONDS, RESOLUTIONS
from videos.engine.accepted_operations import AcceptedOperation, read_log
from videos.models import VideoJob
from videos.providers.registry import PAID, PROVIDERS
from videos.recovery.adoption import adopt_operation, job_with
from videos.recovery.recreation import recreate

CONTINUES = "the sweeper polls the provider within seconds."


class Command(OperatorCommand):
    help = (
        "Continue a failed job from the provider's operation, where the provider may have made and billed the video: "
        "jobs that failed as submission_unknown, generation_stalled, generation_timeout or result_unreadable. "
        "'jobs show' has the operation's name; if not, the logs ('operation.accepted') or the provider's console do. "
        "Refunded tokens stay with the owner.\n"
        "With --owner instead of JOB: adopt an operation that has no job since the database was restored from an older "
        "backup. The job is recreated, with --id under its former id, and the owner is charged the usual price, unless "
        "--free. With --log: adopt every operation of a log (LOG_FORMAT=json) that has no job, and failed jobs as "
        "above. Adopted operations are skipped, so the command can be repeated; a line that cannot be used is refused, "
        "and the others are adopted. See docs/restore.md."
    )
    examples = (
        "jobs list --error submission_unknown",
        "adopt_operation 550e8400-e29b-41d4-a716-446655440000 models/veo-3.1-generate-preview/operations/abc123",
        "adopt_operation --owner ann@example.com --provider google_veo --model veo-3.1-generate-preview \\\n"
        "    --id 550e8400-e29b-41d4-a716-446655440000 models/veo-3.1-generate-preview/operations/abc123",
        "adopt_operation --log - < accepted.jsonl",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        words = "the job's id, unless --owner recreates it; and the operation's name, as the provider spells it"
        parser.add_argument("words", metavar="JOB NAME", nargs="*", help=words)
        parser.add_argument(
            "--log", metavar="FILE", help="JSON lines with 'operation.accepted' among them; - reads standard input"
        )
        group = parser.add_argument_group("an operation without a job")
        group.add_argument("--owner", metavar="EMAIL_OR_ID", help="the owner of the video")
        group.add_argument("--provider", choices=sorted(PAID), help="the provider of the operation")
        group.add_argument("--model", metavar="NAME", help="the public name of the model")
        group.add_argument("--upstream-model", metavar="NAME", default="", help="the provider's name of the model")
        group.add_argument("--id", metavar="JOB", type=UUID, help="the job's former id, which clients know")
        group.add_argument("--resolution", choices=RESOLUTIONS, default=RESOLUTIONS[0])
        group.add_argument("--aspect-ratio", choices=ASPECT_RATIOS, default=ASPECT_RATIOS[0])
        group.add_argument("--duration", type=int, choices=DURATIONS_SECONDS, default=DURATIONS_SECONDS[0])
        group.add_argument("--audio", action="store_true", help="the job has sound")
        group.add_argument("--free", action="store_true", help="charge nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        arguments = len(options["words"]), options["owner"] is not None, options["log"] is not None
        if arguments == (0, False, True):
            self._adopt_all(options["log"])
        elif arguments == (1, True, False):
            job = recreate(accepted=_from_options(options), actor=None)
            self.stdout.write(f"Job {job.pk} is restored, {_price(job)}; {CONTINUES}")
        elif arguments == (2, False, False):
            job_id, operation = options["words"]
            adopt_operation(job_id=_id_in(job_id), operation=operation, actor=None)
            self.stdout.write(f"The job continues; {CONTINUES}")
        else:
            raise CommandError("Give JOB NAME, or --owner … NAME, or --log FILE.", returncode=USAGE)

    def _adopt_all(self, file: str) -> None:
        adopted = known = 0
        last, refused = self._read_file(file)
        for job_id, (number, accepted) in last.items():
            try:
                done = _adopt(accepted)
            except (StudioError, DataError) as exc:
                refused += 1
                self.stdout.write(f"Line {number}: job {job_id} is not adopted: {exc}")
                continue
            adopted, known = adopted + bool(done), known + (not done)
            if done:
                self.stdout.write(f"Job {job_id} {done}")
        self.stdout.write(f"{adopted} adopted, {known} already known, {refused} refused.")
        if refused:
            sys.exit(FAILURE)

    def _read_file(self, file: str) -> tuple[dict[UUID | None, tuple[int, AcceptedOperation]], int]:
        """The last paid line of each job, and the number of unusable lines; each of these is printed.

        A job has several lines if a provider refused it without a charge, and it was submitted again.
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


def _read(file: str) -> Iterator[tuple[int, AcceptedOperation | StudioError]]:
    """The accepted operations in the log; "-" is standard input. Raises OSError."""
    is_stdin = file == "-"
    with open(
        sys.stdin.fileno() if is_stdin else file, encoding="utf-8", errors="replace", closefd=not is_stdin
    ) as log:
        yield from read_log(log)


def _adopt(accepted: AcceptedOperation) -> str:
    """Adopt, and describe it; "" if the operation has a job already. Raises StudioError."""
    if job_with(provider=accepted.provider, operation=accepted.operation):
        return ""
    assert accepted.job_id
    job = VideoJob.objects.filter(pk=accepted.job_id).first()
    if job:
        if job.operation:
            raise Conflict(f"it has another operation, {job.operation}.")
        adopt_operation(job_id=job.pk, operation=accepted.operation, actor=None)
        return "continues."
    return f"is restored, {_price(recreate(accepted=accepted, actor=None))}."


def _id_in(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as exc:
        raise CommandError(f"{text!r} is not the id of a job.", returncode=USAGE) from exc


def _price(job: VideoJob) -> str:
    return f"{job.tokens_charged} tokens charged" if job.tokens_charged else "free of charge"


def _from_options(options: dict[str, Any]) -> AcceptedOperation:
    if not (options["provider"] and options["model"]):
        raise CommandError("With --owner, give --provider and --model, too.", returncode=USAGE)
    return AcceptedOperation(
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
