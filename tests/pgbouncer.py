"""A PgBouncer of a test in front of its PostgreSQL, configured by `deploy/pgbouncer/pgbouncer.ini`."""

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
    """The installed version. Raises LookupError if none is installed."""
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
            # it refuses to run as root, like PostgreSQL; the same account runs both
            self._process = subprocess.Popen([BINARY, str(folder / "pgbouncer.ini")], stderr=log, user=account)
        wait_until(self._responds, seconds=20, what=f"a response of PgBouncer, see {folder / 'log'}", every=0.1)

    @property
    def process_id(self) -> int:
        return self._process.pid

    def _responds(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop at once, even with open connections."""
        self._process.kill()
        self._process.wait(10)
