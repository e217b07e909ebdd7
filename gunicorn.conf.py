"""How gunicorn serves the site, under `manage.py up` and under the Procfile alike."""

import ctypes
import os
import signal
import sys
import warnings
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

from django.conf import settings

from studio.env import BadEnvironment
from studio.tether import PR_SET_PDEATHSIG

try:
    bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
except BadEnvironment as exc:
    sys.exit(f"Cannot start: {exc}")

worker_class = "gthread"
workers = 2
threads = 8
keepalive = 75  # seconds; above the idle time-outs usual in proxies, so that they close first
graceful_timeout = 30  # seconds for requests under way when it is asked to end
control_socket_disable = True  # it would lie in the home directory, one for all copies

# Until `collectstatic` is run there is no such folder, and whitenoise finds the files where they are.
warnings.filterwarnings("ignore", message="No directory at:", category=UserWarning)

accesslog = "-"
access_log_format = "%(m)s %(U)s %(s)s %(M)sms"  # no query, no addresses


def post_fork(server: Any, worker: Any) -> None:
    """A worker dies with the process that would replace it, and lets go of the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
