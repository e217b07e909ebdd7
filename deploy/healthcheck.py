"""Exit status 0 while the process in this container responds on the port of the first argument, or else PORT.

For images without curl.
"""

import http.client
import os
import sys


def main() -> int:
    """Request `/healthz` once."""
    port = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT", "8000")
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    try:
        connection.request("GET", "/healthz")
        return int(connection.getresponse().status != 200)
    except (OSError, http.client.HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main())
