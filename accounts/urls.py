"""URLs of the account endpoints, below `api/v1/`."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("auth/register", views.RegisterView.as_view(), name="register"),
    path("auth/token", views.SignInView.as_view(), name="sign-in"),
    path("auth/token/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/token/revoke", views.RevokeView.as_view(), name="revoke"),
    path("auth/me", views.MeView.as_view(), name="me"),
    path("tokens", views.BalanceView.as_view(), name="tokens"),
    path("tokens/ledger", views.LedgerView.as_view(), name="ledger"),
]
