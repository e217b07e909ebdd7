"""`make page-speed`: how fast the public page of a look shows on a slow phone, by the browser's own measure.

A phone with a quarter of this machine's speed, on the two lines that are called fast 3G: 1.6 Mbit/s with 150 ms a round
trip, and DevTools' preset, which delays each response by 562.5 ms for the round trips of TCP and TLS that it leaves
out. Prints the median of RUNS loads, and each number's limit.
"""

import os
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

os.environ.setdefault("DATABASE_URL", "")  # SQLite, in a temporary folder

from tests.browser import chromium
from tests.browser.shared_looks import share
from tests.running import RunningStudio

RUNS = 5
LCP_MS, CLS = 1500, 0.02  # limits
SETTLED_MS = 5000  # after the page's text is there: the video plays, and no larger element appears
LINES = {"150 ms a round trip": 150.0, "DevTools' 562.5 ms a response": 562.5}
OBSERVE = """
window.measured = {lcp: 0, cls: 0};
new PerformanceObserver(list => { measured.lcp = list.getEntries().at(-1).startTime; })
    .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver(list => { for (const entry of list.getEntries()) measured.cls += entry.value; })
    .observe({type: "layout-shift", buffered: true});
"""


def measure(browser: Browser, url: str, latency_ms: float) -> tuple[float, float]:
    """The time of the largest contentful paint in ms, and the sum of layout shifts, of one load with empty caches."""
    page = chromium.page_of(browser, viewport=chromium.PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
    chromium.slow_down(page, latency_ms=latency_ms)
    page.add_init_script(OBSERVE)
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_timeout(SETTLED_MS)
    found = page.evaluate("measured")
    page.context.close()
    return found["lcp"], found["cls"]


def main() -> int:
    """The exit status is 1 where a median is over its limit."""
    over = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data, chromium.browser() as browser:
        studio = RunningStudio(Path(data), MOCK_VIDEO_SECONDS="0")
        try:
            looks = {"with a video": share(studio), "with a picture only": share(studio, aspect_ratio=None)}
            for line, latency_ms in LINES.items():
                for what, look in looks.items():
                    runs = [measure(browser, look.url, latency_ms) for _ in range(RUNS)]
                    lcp, shifts = (statistics.median(column) for column in zip(*runs, strict=True))
                    over += lcp > LCP_MS or shifts > CLS
                    sys.stdout.write(
                        f"{what}, {line}: LCP {lcp:.0f} ms (limit {LCP_MS}; "
                        f"{min(run[0] for run in runs):.0f} to {max(run[0] for run in runs):.0f}), "
                        f"CLS {shifts:.3f} (limit {CLS})\n"
                    )
        finally:
            studio.stop()
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
