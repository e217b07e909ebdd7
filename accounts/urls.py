"""URLs of the account endpoints, below `api/v1/`."""

from django.conf import settings
from django.urls import path

from accounts.api import google_views, session_views, views

urlpatterns = [
    path("auth/token", views.SignInView.as_view(), name="sign-in"),
    path("auth/token/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/token/revoke", views.RevokeView.as_view(), name="revoke"),
    path("auth/sessions", session_views.SessionsView.as_view(), name="sessions"),
    path("auth/sessions/<str:pk>", session_views.SessionView.as_view(), name="session"),
    path("tokens/ledger", views.LedgerView.as_view(), name="ledger"),
]
if settings.GOOGLE_CLIENT_IDS:
    urlpatterns.append(path("auth/google", google_views.GoogleSignInView.as_view(), name="google-sign-in"))
