"""URLs of shared looks, at the root: people read them in chats, so they are short."""

from django.urls import path, re_path

from looks.public import views

urlpatterns = [
    path("oembed", views.embed, name="oembed"),
    re_path(r"^l/(?P<token>[^/]+)/?$", views.page, name="shared-look"),
    path("l/<str:token>/<str:name>", views.file, name="shared-look-file"),
]
