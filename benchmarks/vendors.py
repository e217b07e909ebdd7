"""The fakes of Google and Cloudinary in their own process; each video takes the time that its prompt names.

`python -m benchmarks.vendors` prints a JSON object with their addresses, then serves until SIGTERM. Three paths are
added: `GET /__done__` returns when each prompt's video was done, `GET /__polls__` the number of polls so far, `POST
/__video__` sets the MiB of the video and the seconds of each download. An interaction
`v1_timed<milliseconds since 1970>n<number>` needs no submit.
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

SECONDS = 8  # of a video
MODEL = "gemini-omni-1.2-flash"
TIMED = "v1_timed"


def prompt_of(number: int, takes: float) -> str:
    """The prompt of a video that takes this many seconds."""
    return f"bench {number} takes={takes:.3f}"


def operation_of(number: int, done_at: float) -> str:
    """The name of an interaction that is done at that moment."""
    return f"{TIMED}{int(done_at * 1000)}n{number}"


class TimedAccount(Account):
    """An account whose videos each take their own time."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.done_at: dict[str, float] = {}
        self.polled: list[str] = []  # the interactions, once a poll

    def accept(self, backend: str, where: str, model: str, body: dict[str, Any]) -> Work:
        """Accept the work, and start its clock."""
        work = super().accept(backend, where, model, body)
        self.done_at[work.prompt] = time.time() + float(work.prompt.partition("takes=")[2])
        return work

    def poll(self, name: str) -> dict[str, Any]:
        """The interaction; done once its time has passed."""
        self.polled.append(name)
        if name.startswith(TIMED):
            milliseconds, _, number = name.removeprefix(TIMED).partition("n")
            work = Work("omni", MODEL, {"input": [], "response_format": {}}, name, f"timed{number}", 0, NO_FAULT)
            done_at = int(milliseconds) / 1000
        else:
            work = self.works[name]
            done_at = self.done_at[work.prompt]
        return self._interaction(work) if time.time() >= done_at else self.receipt(work)

    def file(self, file_id: str) -> bytes:
        """The same video for all."""
        assert self.video
        return self.video


class Handler(google.Handler):
    """The fake's handler, with the paths of the benchmark."""

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server looks for
        """Return the times at which videos were done or the number of polls, or do as Google does."""
        account = self.server.account
        if self.path == "/__done__":
            self._send_json(200, account.done_at)
        elif self.path == "/__polls__":
            self._send_json(200, len(account.polled))
        else:
            super().do_GET()

    def do_POST(self) -> None:  # noqa: N802 - the same
        """Change the video, or do as Google does."""
        if self.path == "/__video__":
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.account.video = padded_video(order.get("mib", 0))
            self.server.account.faults.clear()
            if seconds := order.get("download_seconds"):
                self.server.script("download", "drip", times=10**9, seconds=seconds / 8)
            self._send_json(200, {})
        else:
            super().do_POST()


def padded_video(mib: int) -> bytes:
    """A video of this many MiB: most of it a box that players skip (ISO/IEC 14496-12, 8.1.2)."""
    video = video_of_length(SECONDS)
    padding = mib * 1024 * 1024
    return video + (padding.to_bytes(4) + b"free" + bytes(padding - 8) if padding else b"")


def main() -> None:
    """Serve until SIGTERM."""
    argparse.ArgumentParser(description="The fakes of Google and Cloudinary.").parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with google.FakeGoogle() as at_google, FakeCloudinary() as at_cloudinary:
        at_google.RequestHandlerClass = Handler
        at_google.account = TimedAccount(url=at_google.url, video=padded_video(0), omni_gives_urls=True)
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
