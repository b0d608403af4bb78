"""What is done with users and the brand."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest

from personalize.accounts.models import Brand, User
from personalize.core import audit

BRAND_ID = 1


def setup_is_open() -> bool:
    """Whether the first owner may still be made; never again once there is a brand or anybody who works here."""
    return not (User.objects.exists() or Brand.objects.exists())


def set_up(*, brand: str, email: str, password: str, first_name: str, last_name: str, time_zone: str) -> User | None:
    """Make the brand and its owner; None when somebody else was first."""
    try:
        with transaction.atomic():
            if not setup_is_open():
                return None
            # The brand's fixed key lets only one of two who set up at once go on.
            Brand.objects.create(pk=BRAND_ID, name=brand, time_zone=time_zone)
            owner = User.objects.create_superuser(
                email, password, first_name=first_name, last_name=last_name, time_zone=time_zone
            )
            audit.record(actor=owner, action="setup", target=owner)
    except IntegrityError:
        return None
    return owner


@transaction.atomic
def save_brand(*, values: dict[str, Any], lock_version: int, actor: User) -> bool:
    """Store the brand's settings; False when somebody else saved since ``lock_version`` was read."""
    Brand.objects.get_or_create(pk=BRAND_ID, defaults={"name": values["name"]})
    saved = Brand.objects.filter(pk=BRAND_ID, lock_version=lock_version).update(
        **values, lock_version=F("lock_version") + 1
    )
    if saved:
        audit.record(actor=actor, action="brand.edit", target=Brand.objects.get(pk=BRAND_ID), fields=sorted(values))
    return bool(saved)


@transaction.atomic
def save_profile(*, user: User, first_name: str, last_name: str, time_zone: str) -> None:
    """Store what a person says about themselves."""
    User.objects.filter(pk=user.pk).update(first_name=first_name, last_name=last_name, time_zone=time_zone)


@transaction.atomic
def change_password(*, request: HttpRequest, user: User, password: str) -> None:
    """Set a new password; the other sessions of this person end."""
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(actor=user, action="password.change", target=user)
    update_session_auth_hash(request, user)
