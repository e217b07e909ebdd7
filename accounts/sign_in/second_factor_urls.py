"""URLs of the second factor, below /admin/second-factor/."""

from django.urls import path

from accounts.sign_in.second_factor_pages import ask_for_code, manage

urlpatterns = [
    path("", manage, name="second-factor"),
    path("code/", ask_for_code, name="second-factor-code"),
]
