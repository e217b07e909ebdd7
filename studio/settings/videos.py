"""Video jobs, their providers, and how long data is kept."""

from studio import env
from studio.settings.base import PRODUCTION
from studio.settings.files import MIB

REFUND_POLICY = env.choice("REFUND_POLICY", "unstarted", among=("unstarted", "failed", "never"))
VIDEO_MAX_BYTES = env.integer("VIDEO_MAX_MIB", 500, least=1, most=10_000) * MIB
MOCK_VIDEO_SECONDS = env.integer("MOCK_VIDEO_SECONDS", 6, most=3600)
# Tokens that a member of staff without the right to operate jobs may refund a day (videos.staff_actions).
SUPPORT_REFUND_TOKENS = env.integer("SUPPORT_REFUND_TOKENS", 500)

# Every provider is optional: one without its key or project is not offered (videos.providers.registry).
GEMINI_API_KEY = env.text("GEMINI_API_KEY")  # for Veo and Omni on the Gemini API
VERTEX_API_KEY = env.text("VERTEX_API_KEY")  # an express key, which replaces project and location
VERTEX_PROJECT = env.text("VERTEX_PROJECT")  # signs in as Google's libraries do: GOOGLE_APPLICATION_CREDENTIALS …
VERTEX_LOCATION = env.text("VERTEX_LOCATION", "us-central1")
VERTEX_OMNI_LOCATION = env.text("VERTEX_OMNI_LOCATION", "global")
VERTEX_OUTPUT_GCS_URI = env.bucket("VERTEX_OUTPUT_GCS_URI")  # where Vertex stores videos; unset: in its responses
# A server that stands in for Google's, for tests. The SDK reads these too, but ignores them for downloads.
GOOGLE_GEMINI_BASE_URL = env.http_url("GOOGLE_GEMINI_BASE_URL")
GOOGLE_VERTEX_BASE_URL = env.http_url("GOOGLE_VERTEX_BASE_URL")
PROVIDER_TIMEOUT_SECONDS = env.integer("PROVIDER_TIMEOUT_SECONDS", 60, least=1, most=90)  # below schedule.LEASE
PROVIDER_POLLS_PER_MINUTE = env.integer("PROVIDER_POLLS_PER_MINUTE", 0)  # 0: no limit but videos.engine.schedule

# Whether webhooks may have http:// URLs and private addresses (videos.webhooks.addresses). Development only.
WEBHOOK_ALLOW_PRIVATE = env.flag("WEBHOOK_ALLOW_PRIVATE", default=False)

# Days that rows are kept (operations.retention); 0 for ever. The ledger and paid videos are always kept.
PURGE_DAILY = env.flag("PURGE_DAILY", default=PRODUCTION)  # the sweeper runs `manage.py purge --yes` daily
PURGE_MOCK_DAYS = env.integer("PURGE_MOCK_DAYS", 30, most=36_500)
PURGE_LOG_DAYS = env.integer("PURGE_LOG_DAYS", 180, most=36_500)
PURGE_REPLY_DAYS = env.integer("PURGE_REPLY_DAYS", 180, most=36_500)
PURGE_SIGN_IN_DAYS = env.integer("PURGE_SIGN_IN_DAYS", 180, most=36_500)
PURGE_WEBHOOK_DAYS = env.integer("PURGE_WEBHOOK_DAYS", 7, most=36_500)
PURGE_AUDIT_DAYS = env.integer("PURGE_AUDIT_DAYS", 730, most=36_500)
# Minutes a day spent on comparing rows with stored files (operations.reconciliation); the ledger takes up to an hour
# besides.
RECONCILE_FILES_MINUTES = env.integer("RECONCILE_FILES_MINUTES", 30, least=1, most=1200)
