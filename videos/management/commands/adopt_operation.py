"""`manage.py adopt_operation`: let a job whose submit answer was lost go on."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from studio.command_line import OperatorCommand
from videos.adoption import adopt_operation


class Command(OperatorCommand):
    help = (
        "Continue a failed job from the provider's operation, where the provider may have made and billed the video: "
        "jobs that failed as submission_unknown, generation_stalled, generation_timeout or result_unreadable. "
        "'jobs show' has the name; where it was lost, look in the logs ('operation accepted') or in the provider's "
        "console. Tokens that were given back stay with the owner."
    )
    examples = (
        "jobs list --error submission_unknown",
        "adopt_operation 550e8400-e29b-41d4-a716-446655440000 models/veo-3.1-generate-preview/operations/abc123",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", metavar="JOB", type=UUID, help="the job's id")
        parser.add_argument("operation", metavar="NAME", help="the operation's name, as the provider spells it")

    def handle(self, *args: Any, **options: Any) -> None:
        adopt_operation(job_id=options["job"], operation=options["operation"], actor=None)
        self.stdout.write("Taken up again; the sweeper asks the provider within seconds.")
