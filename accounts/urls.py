"""URLs of the account endpoints, below `api/v1/`."""

from django.urls import path

from accounts.api import key_views, session_views, views

urlpatterns = [
    path("auth/token", views.SignInView.as_view(), name="sign-in"),
    path("auth/token/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/token/revoke", views.RevokeView.as_view(), name="revoke"),
    path("auth/sessions", session_views.SessionsView.as_view(), name="sessions"),
    path("auth/sessions/<str:pk>", session_views.SessionView.as_view(), name="session"),
    path("api-keys", key_views.ApiKeysView.as_view(), name="api-keys"),
    path("api-keys/<str:id>", key_views.ApiKeyView.as_view(), name="api-key"),
    path("tokens/ledger", views.LedgerView.as_view(), name="ledger"),
]
