"""Exit status 0 while the web process in this container responds; for images without curl."""

import http.client
import os
import sys


def main() -> int:
    """Request `/healthz` once."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=5)
    try:
        connection.request("GET", "/healthz")
        return int(connection.getresponse().status != 200)
    except (OSError, http.client.HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main())
