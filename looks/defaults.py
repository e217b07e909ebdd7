"""Choose the default video of a look."""

import uuid
from collections.abc import Iterable

from django.db import models, transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now

from accounts.models import User
from accounts.permissions import is_owner_or_admin
from looks import changes
from looks.models import Look, LookVideo
from studio.db.statements import InParam, Param, Statement, UpdateReturning
from studio.errors import InvalidInput, NotAllowed, NotFound


class NotLinked(InvalidInput):
    """The video was not made for the look."""

    code = "not_linked"
    message = "Video is not associated with this look"


def set_default(*, look_id: uuid.UUID, video_id: uuid.UUID, user: User) -> None:
    """Make the video the look's default, in place of the former one; a repeat changes nothing.

    Raises NotFound, NotLinked, or NotAllowed where the user may not change the look or the video.
    """
    with transaction.atomic():
        _lock_link(look_id, video_id, user)
        # in this order: the database allows one default a look at any moment
        changed = _UNSET_OTHERS.all(look_id=look_id, video_id=video_id)
        changed += _SET.all(look_id=look_id, video_id=video_id)
        _record_defaults(look_id, video_id, changed)


def unset_default(*, look_id: uuid.UUID, video_id: uuid.UUID, user: User) -> None:
    """Make the video no longer the look's default; a repeat changes nothing. Raises as `set_default` does."""
    with transaction.atomic():
        _lock_link(look_id, video_id, user)
        _record_defaults(look_id, video_id, _UNSET.all(look_id=look_id, video_id=video_id))


_OF_LOOK = {"look": Param("look_id", models.UUIDField())}
_OF_VIDEO = {"video": Param("video_id", models.UUIDField())}
_SET = UpdateReturning(
    LookVideo,
    lambda: LookVideo.objects.filter(**_OF_LOOK, **_OF_VIDEO, is_default=False),
    is_default=True,
    updated_at=Now(),
)
_UNSET = UpdateReturning(
    LookVideo,
    lambda: LookVideo.objects.filter(**_OF_LOOK, **_OF_VIDEO, is_default=True),
    is_default=False,
    updated_at=Now(),
)
_UNSET_OTHERS = UpdateReturning(
    LookVideo,
    lambda: LookVideo.objects.filter(**_OF_LOOK, is_default=True).exclude(**_OF_VIDEO),
    is_default=False,
    updated_at=Now(),
)
_OWNER_OF_LINKED_VIDEO = LookVideo.objects.filter(look=OuterRef("pk"), **_OF_VIDEO).values("video__owner")
_LOCK_LINK = Statement(
    lambda: (
        Look.objects.select_for_update(no_key=True)
        .filter(pk=Param("look_id", models.UUIDField()))
        .order_by()
        .values_list("owner", Subquery(_OWNER_OF_LINKED_VIDEO, output_field=models.UUIDField()))
    )
)


def _lock_link(look_id: uuid.UUID, video_id: uuid.UUID, user: User) -> None:
    """Lock the look, and check that the video is linked to it and that the user may change both, in one statement."""
    owners = _LOCK_LINK.row(look_id=look_id, video_id=video_id)
    if owners is None:
        raise NotFound("There is no such look.")
    if owners[1] is None:
        raise NotLinked
    if not all(is_owner_or_admin(user, owner) for owner in owners):
        raise NotAllowed


def _record_defaults(look_id: uuid.UUID, video_id: uuid.UUID, changed: Iterable[LookVideo]) -> None:
    """Record the changes of these links. Raises NotLinked where the video was deleted meanwhile."""
    changed_ids = {link.video_id for link in changed}
    owners: dict[uuid.UUID, uuid.UUID] = dict(_OWNERS.rows(look_id=look_id, ids=[video_id, *changed_ids]))
    if video_id not in owners:
        raise NotLinked
    changes.record([(owners[changed_id], changed_id) for changed_id in changed_ids])


_OWNERS = Statement(
    lambda: (
        LookVideo.objects.filter(InParam("video", "ids", models.UUIDField()), **_OF_LOOK)
        .order_by()
        .values_list("video", "video__owner")
    )
)
