"""URLs of the account endpoints, below `api/v1/`."""

from django.conf import settings
from django.urls import path

from accounts.api import views
from accounts.api.google_views import GoogleSignInView

urlpatterns = [
    path("auth/token", views.SignInView.as_view(), name="sign-in"),
    path("auth/token/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/token/revoke", views.RevokeView.as_view(), name="revoke"),
    path("tokens/ledger", views.LedgerView.as_view(), name="ledger"),
]
if settings.GOOGLE_CLIENT_IDS:
    urlpatterns.append(path("auth/google", GoogleSignInView.as_view(), name="google-sign-in"))
