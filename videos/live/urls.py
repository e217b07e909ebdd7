"""All URLs of the live process. They are the web process's, so that a proxy can lead some of them here."""

from django.urls import path

from videos.live import views

handler400 = "studio.api.views.bad_request"
handler404 = "studio.api.views.not_found"
handler500 = "studio.api.views.server_error"

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("api/v1/video-jobs/events", views.events, name="video-job-events"),
    path("api/v1/video-jobs/<str:pk>", views.job, name="video-job-detail"),
]
