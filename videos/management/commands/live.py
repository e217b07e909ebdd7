"""`manage.py live`: the live process."""

from typing import Any

from studio.command_line import OperatorCommand
from studio.observability import counters, telemetry


class Command(OperatorCommand):
    help = (
        "Run the live process: streams of events, and requests that wait for a change of a job. It listens on HOST and "
        "LIVE_PORT. SIGTERM stops it in order; clients connect again to another one, or poll."
    )
    examples = ("live",)
    failure = "could not start; a sentence on stderr says why"

    def handle(self, *args: Any, **options: Any) -> None:
        from videos.live import server  # noqa: PLC0415 - uvicorn, for this command only

        telemetry.start(process="live")
        counters.start()
        server.serve()
