"""A PgBouncer of one's own in front of a PostgreSQL of one's own, as `deploy/pgbouncer/pgbouncer.ini` sets it up."""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from operations.local.valkey import free_port
from studio.env import PROJECT
from tests.chaos.processes import wait_until

BINARY = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
POOL = 5  # connections to the server, for all processes of a deployment


def version() -> tuple[int, ...]:
    """Of the one that is installed. Raises LookupError where none is."""
    if BINARY is None:
        raise LookupError("no pgbouncer on this machine")
    output = subprocess.run([BINARY, "--version"], check=True, capture_output=True, text=True, timeout=10).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", output)
    assert found, output
    return tuple(map(int, found.groups()))


class PgBouncer:
    """Listens on a port of loopback until `stop`, in transaction mode; `settings` replace those of the example."""

    def __init__(self, *, server_url: str, folder: Path, account: str | None, settings: dict[str, str]) -> None:
        assert BINARY
        server = conninfo_to_dict(server_url)
        self.url = f"postgresql://{server['user']}@127.0.0.1:{(port := free_port())}/{server['dbname']}"
        ini = ConfigParser(interpolation=None)
        ini.read(PROJECT / "deploy" / "pgbouncer" / "pgbouncer.ini")
        ini["databases"] = {
            str(server["dbname"]): f"host={server['host']} dbname={server['dbname']} user={server['user']}"
        }
        del ini["pgbouncer"]["auth_file"]
        own = {"listen_port": str(port), "auth_type": "any", "unix_socket_dir": "", "default_pool_size": str(POOL)}
        ini["pgbouncer"].update(own | settings)
        folder.mkdir()
        with (folder / "pgbouncer.ini").open("w") as file:
            ini.write(file)
        with (folder / "log").open("wb") as log:
            # it refuses to be root, as PostgreSQL does; the same account then runs both
            self._process = subprocess.Popen([BINARY, str(folder / "pgbouncer.ini")], stderr=log, user=account)
        wait_until(self._answers, seconds=20, what=f"an answer of PgBouncer, see {folder / 'log'}", every=0.1)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop at once, even with open connections."""
        self._process.kill()
        self._process.wait(10)
