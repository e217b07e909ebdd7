"""The admin's appearance, and its audit log."""

from django.templatetags.static import static
from django.urls import reverse_lazy

from studio.backoffice import navigation
from studio.settings.web import BASE_PATH

AUDITLOG_DISABLE_REMOTE_ADDR = True  # auditlog trusts any X-Forwarded-For; the user is enough
AUDITLOG_CID_GETTER = "studio.backoffice.audit.request_id"
UNFOLD = {
    "SITE_TITLE": "AI Studio",
    "SITE_HEADER": "AI Studio",
    "SITE_SYMBOL": "movie",
    "SITE_URL": f"{BASE_PATH}/",
    "LOGIN": {"form": "accounts.sign_in.admin_form.BackOfficeSignIn"},
    "ACCOUNT": {"navigation": [{"title": "Two-step sign-in", "link": reverse_lazy("second-factor")}]},
    "DASHBOARD_CALLBACK": "operations.dashboard.show",
    "SIDEBAR": navigation.SIDEBAR,
    "STYLES": [lambda request: static("studio/back_office.css")],
    "SCRIPTS": [lambda request: static("studio/back_office.js")],
}
