"""Google and Cloudinary in a process of their own, with films that take the time that their prompt says.

`python -m benchmarks.vendors` prints a JSON object with their addresses, then serves until it is told to end. Beside
what the fakes know: `GET /__done__` answers when each prompt's film was done, `POST /__film__` sets the film's MiB and
how many seconds each download takes. An interaction `v1_timed<milliseconds since 1970>n<number>` needs no submit.
"""

import argparse
import json
import signal
import sys
import time
from typing import Any

from tests.fakes import google
from tests.fakes.cloudinary import FakeCloudinary
from tests.fakes.google_account import NO_FAULT, Account, Work, video_of_length

SECONDS = 8  # of a film
MODEL = "gemini-omni-1.2-flash"
TIMED = "v1_timed"


def prompt_of(number: int, takes: float) -> str:
    """What orders a film that takes so many seconds."""
    return f"bench {number} takes={takes:.3f}"


def operation_of(number: int, done_at: float) -> str:
    """The name of an interaction that is done at that moment."""
    return f"{TIMED}{int(done_at * 1000)}n{number}"


class TimedAccount(Account):
    """Each film takes its own time."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.done_at: dict[str, float] = {}

    def accept(self, backend: str, where: str, model: str, body: dict[str, Any]) -> Work:
        """As Google; the clock begins to run."""
        work = super().accept(backend, where, model, body)
        self.done_at[work.prompt] = time.time() + float(work.prompt.partition("takes=")[2])
        return work

    def poll(self, name: str) -> dict[str, Any]:
        """Done once its time has come."""
        if name.startswith(TIMED):
            milliseconds, _, number = name.removeprefix(TIMED).partition("n")
            work = Work("omni", MODEL, {"input": [], "response_format": {}}, name, f"timed{number}", 0, NO_FAULT)
            done_at = int(milliseconds) / 1000
        else:
            work = self.works[name]
            done_at = self.done_at[work.prompt]
        return self._interaction(work) if time.time() >= done_at else self.receipt(work)

    def file(self, file_id: str) -> bytes:
        """All films are one."""
        assert self.video
        return self.video


class Handler(google.Handler):
    """Google's, with what the benchmark asks."""

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server looks for
        """Tell when which film was done, or do as Google does."""
        if self.path == "/__done__":
            self._send_json(200, self.server.account.done_at)
        else:
            super().do_GET()

    def do_POST(self) -> None:  # noqa: N802 - the same
        """Change the film, or do as Google does."""
        if self.path == "/__film__":
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.account.video = film_of(order.get("mib", 0))
            self.server.account.faults.clear()
            if seconds := order.get("download_seconds"):
                self.server.script("download", "drip", times=10**9, seconds=seconds / 8)
            self._send_json(200, {})
        else:
            super().do_POST()


def film_of(mib: int) -> bytes:
    """A film of so many MiB: most of it a box that players skip (ISO/IEC 14496-12, 8.1.2)."""
    film = video_of_length(SECONDS)
    padding = mib * 1024 * 1024
    return film + (padding.to_bytes(4) + b"free" + bytes(padding - 8) if padding else b"")


def main() -> None:
    """Serve until SIGTERM."""
    argparse.ArgumentParser(description="Google's and Cloudinary's stand-ins.").parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with google.FakeGoogle() as at_google, FakeCloudinary() as at_cloudinary:
        at_google.RequestHandlerClass = Handler
        at_google.account = TimedAccount(url=at_google.url, video=film_of(0), omni_gives_urls=True)
        addresses = {
            "GOOGLE_GEMINI_BASE_URL": at_google.url,
            "GEMINI_API_KEY": "fake-key",
            "CLOUDINARY_URL": at_cloudinary.cloudinary_url,
        }
        sys.stdout.write(f"{json.dumps(addresses)}\n")
        sys.stdout.flush()
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
