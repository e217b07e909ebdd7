"""URLs of the sign-in of staff with Google, below /admin/google/."""

from django.urls import path

from accounts.sign_in.google.staff_pages import begin, finish

urlpatterns = [
    path("", begin, name="staff-google"),
    path("finish/", finish, name="staff-google-finish"),
]
