"""`manage.py sweep`: the sweeper process."""

import asyncio
import signal
from typing import Any

from operations.housekeeping import Housekeeping
from studio.command_line import OperatorCommand
from studio.observability import counters, telemetry
from videos.engine.sweeper import Sweeper
from videos.providers import registry


class Command(OperatorCommand):
    help = (
        "Run the sweeper: it polls the providers of all jobs in flight, sends lost hints again, settles stalled jobs, "
        "and removes unreferenced files. One is enough; two do no harm. SIGTERM stops it in order."
    )
    examples = ("sweep",)
    failure = "could not start; a sentence on stderr says why"

    def handle(self, *args: Any, **options: Any) -> None:
        registry.preload()
        telemetry.start(process="sweeper")
        counters.start()
        asyncio.run(self._sweep())

    async def _sweep(self) -> None:
        sweeper = Sweeper(Housekeeping())
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, sweeper.stop)
        await sweeper.run()
