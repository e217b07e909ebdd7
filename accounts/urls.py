"""URLs of the account endpoints, below `api/v1/`."""

from django.conf import settings
from django.urls import path

from accounts.api import google_views, key_views, method_views, password_views, session_views, views

urlpatterns = [
    path("auth/methods", method_views.MethodsView.as_view(), name="sign-in-methods"),
    path("auth/token", views.SignInView.as_view(), name="sign-in"),
    path("auth/token/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/token/revoke", views.RevokeView.as_view(), name="revoke"),
    path("auth/password", password_views.PasswordView.as_view(), name="password"),
    path("auth/password/reset", password_views.ResetView.as_view(), name="password-reset"),
    path("auth/password/reset/confirm", password_views.ConfirmResetView.as_view(), name="password-reset-confirm"),
    path("auth/email/verify", password_views.VerifyView.as_view(), name="email-verify"),
    path("auth/email/verify/confirm", password_views.ConfirmVerifyView.as_view(), name="email-verify-confirm"),
    path("auth/sessions", session_views.SessionsView.as_view(), name="sessions"),
    path("auth/sessions/<str:pk>", session_views.SessionView.as_view(), name="session"),
    path("api-keys", key_views.ApiKeysView.as_view(), name="api-keys"),
    path("api-keys/<str:id>", key_views.ApiKeyView.as_view(), name="api-key"),
    path("tokens/ledger", views.LedgerView.as_view(), name="ledger"),
]
if settings.GOOGLE_CLIENT_IDS:
    urlpatterns.append(path("auth/google", google_views.GoogleSignInView.as_view(), name="google-sign-in"))
