"""What users change about their own account."""

from django.db.models.functions import Now

from accounts.models import User


def change(*, user: User, name: str | None = None) -> None:
    """Change what is given; a deleted account stays as it is."""
    if name is None:
        return
    User.objects.filter(pk=user.pk, deleted_at=None).update(name=name, updated_at=Now())
    user.name = name
