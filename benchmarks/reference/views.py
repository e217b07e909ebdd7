"""The plain way's views: viewsets over query sets with prefetches, transactions where there is something to lose."""

from datetime import timedelta
from typing import Any

import django_rq
from django.db import transaction
from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from accounts.models import LedgerEntry, TokenAccount
from benchmarks.reference.serializers import Job, JobDetail, JobForm, LookOutput
from looks.models import Look, LookEmailShare, LookShare, LookVideo, Product
from videos.models import Event, EventCounter, JobLog, VideoJob, VideoModel

PRICE, SLOTS = 50, (1, 2, 3)


class TooPoor(APIException):
    """402."""

    status_code = 402
    default_detail = "Insufficient tokens"


class TooMany(APIException):
    """429."""

    status_code = 429
    default_detail = "Maximum 3 concurrent video jobs allowed."


def _record(kind: Event.Kind, job: VideoJob) -> None:
    """Number the change and keep it, in the transaction that makes it."""
    counter, _ = EventCounter.objects.select_for_update().get_or_create(
        owner_id=job.owner_id, defaults={"last_number": 0}
    )
    counter.last_number += 1
    counter.save(update_fields=["last_number"])
    Event.objects.create(owner_id=job.owner_id, number=counter.last_number, job_id=job.pk, kind=kind)


class IsOwner(BasePermission):
    """The owner, or an admin."""

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        """Whether it is the caller's."""
        return bool(request.user.is_staff or obj.owner_id == request.user.pk)


class VideoJobViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Video jobs."""

    permission_classes = (IsAuthenticated, IsOwner)

    def get_queryset(self) -> Any:
        """With the looks of each job, and the timeline where it is shown."""
        links = LookVideo.objects.select_related("look").order_by("created_at", "id")
        jobs = VideoJob.objects.order_by("-created_at", "-id").with_retries()
        jobs = jobs.prefetch_related(Prefetch("look_videos", links))
        if self.action == "list":
            return jobs.filter(owner=self.request.user)
        return jobs.prefetch_related(Prefetch("logs", JobLog.objects.order_by("timestamp", "id")))

    def get_serializer_class(self) -> Any:
        """The list has no timelines."""
        return Job if self.action == "list" else JobDetail

    def create(self, request: Request) -> Response:
        """Charge, create, queue."""
        form = JobForm(data=request.data)
        form.is_valid(raise_exception=True)
        if not VideoModel.objects.filter(name=form.validated_data["model"], is_offered=True).exists():
            raise ValidationError({"model": ["There is no such model."]})
        with transaction.atomic():
            job = self._charged(form.validated_data)
            transaction.on_commit(lambda: django_rq.get_queue("submit").enqueue("videos.tasks.submit", str(job.pk)))
        shown = JobDetail(self.get_queryset().get(pk=job.pk), context=self.get_serializer_context())
        location = reverse("job", args=[job.pk], request=request)
        return Response(shown.data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    def _charged(self, values: dict[str, Any]) -> VideoJob:
        account = TokenAccount.objects.select_for_update().get(user=self.request.user)
        if account.balance < PRICE:
            raise TooPoor
        live = VideoJob.objects.filter(owner=self.request.user, slot__isnull=False)
        free = set(SLOTS) - set(live.values_list("slot", flat=True))
        if not free:
            raise TooMany
        job = VideoJob.objects.create(
            owner=self.request.user,
            provider="mock",
            upstream_model=values["model"],
            slot=min(free),
            due_at=timezone.now() + timedelta(seconds=15),
            tokens_charged=PRICE,
            **values,
        )
        account.balance -= PRICE
        account.save(update_fields=["balance", "updated_at"])
        LedgerEntry.objects.create(
            account=account, kind="charge", amount=-PRICE, balance_after=account.balance, video_job_id=job.pk
        )
        JobLog.objects.create(job=job, level="info", message="The job is accepted and waits for its turn.")
        _record(Event.Kind.CREATED, job)
        return job

    def set_default(self, request: Request, pk: Any, look_id: Any) -> Response:
        """The look's former default gives way."""
        job = get_object_or_404(VideoJob, pk=pk)
        self.check_object_permissions(request, job)
        with transaction.atomic():
            look = get_object_or_404(Look.objects.select_for_update(), pk=look_id)
            self.check_object_permissions(request, look)
            link = LookVideo.objects.filter(look=look, video=job).first()
            if link is None:
                raise ValidationError("Video is not associated with this look")
            former = LookVideo.objects.select_related("video").filter(look=look, is_default=True).exclude(pk=link.pk)
            for other in former:
                other.is_default = False
                other.save(update_fields=["is_default", "updated_at"])
                _record(Event.Kind.UPDATED, other.video)
            if not link.is_default:
                link.is_default = True
                link.save(update_fields=["is_default", "updated_at"])
                _record(Event.Kind.UPDATED, job)
        message = "Video set as default successfully"
        return Response({"message": message, "videoId": job.pk, "lookId": look.pk, "isDefault": True})


class LookViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Looks."""

    permission_classes = (IsAuthenticated,)
    serializer_class = LookOutput

    def get_queryset(self) -> Any:
        """With all that is shown."""
        looks = Look.objects.order_by("-created_at", "-id").prefetch_related(
            Prefetch("products", Product.objects.order_by("position")),
            Prefetch("email_shares", LookEmailShare.objects.order_by("email")),
            Prefetch("shares", LookShare.objects.select_related("user").order_by("user__email")),
            Prefetch(
                "look_videos", LookVideo.objects.select_related("video").order_by("-video__created_at", "-video_id")
            ),
        )
        return looks.filter(owner=self.request.user) if self.action == "list" else looks

    def get_object(self) -> Look:
        """One that the caller may read."""
        look: Look = super().get_object()
        user = self.request.user
        is_reader = any(share.user_id == user.pk for share in look.shares.all()) or any(
            user.email_verified_at and share.email == user.email for share in look.email_shares.all()
        )
        shared = look.visibility == "shared" and is_reader
        if not (look.owner_id == user.pk or user.is_staff or look.visibility == "public" or shared):
            raise PermissionDenied
        return look
