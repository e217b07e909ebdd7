"""`manage.py live`: the live process."""

from typing import Any

from django.conf import settings

from studio.command_line import OperatorCommand
from studio.http.open_files import permit_open_files
from studio.observability import counters, telemetry

OTHER_FILES = 1024  # for requests that wait, requests in progress, files, pipes and services


class Command(OperatorCommand):
    help = (
        "Run the live process: streams of events, and requests that wait for a change of a job. It listens on HOST and "
        "LIVE_PORT. SIGTERM stops it in order; clients connect again to another one, or poll."
    )
    examples = ("live",)
    failure = "could not start; a sentence on stderr says why"

    def handle(self, *args: Any, **options: Any) -> None:
        from videos.live import server  # noqa: PLC0415 - uvicorn, for this command only

        permit_open_files(settings.LIVE_MAX_STREAMS + OTHER_FILES)
        telemetry.start(process="live")
        counters.start()
        server.serve()
