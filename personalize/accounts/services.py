"""What is done with users, the brand and the keys of the API."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext as _

from personalize.accounts import keys
from personalize.accounts.models import ApiKey, Brand, User
from personalize.accounts.types import BadKey, IssuedKey
from personalize.core import audit, clock

BRAND_ID = 1
_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,39}")


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


def issue_api_key(
    *,
    name: str,
    scopes: Sequence[str],
    actor: Any,
    source: str = "shop",
    expires_at: dt.datetime | None = None,
    per_minute: int = 6000,
) -> IssuedKey | BadKey:
    """Make a key for another system. Its secret is in the answer and nowhere else, now and never again.

    ``source`` names the system: the ids and idempotency keys that it sends are filed under it.
    """
    if not name.strip() or len(name) > 80:
        return BadKey("name", _("Give the key a name of at most 80 characters."))
    unknown = [scope for scope in scopes if scope not in keys.SCOPES]
    if unknown or not scopes:
        reason = _("%s is not a scope.") % unknown[0] if unknown else _("Choose at least one scope.")
        return BadKey("scopes", reason)
    if not _SOURCE.fullmatch(source):
        return BadKey("source", _("Write a lower-case word such as shop or till-2."))
    if expires_at is not None and expires_at <= clock.now():
        return BadKey("expires_at", _("Choose a time to come."))
    if not 1 <= per_minute <= 1_000_000:
        return BadKey("per_minute", _("Choose a number from 1 to 1,000,000."))
    secret, prefix = keys.new_secret()
    with transaction.atomic():
        key = ApiKey.objects.create(
            name=name.strip(),
            prefix=prefix,
            hash=keys.hash_of(secret),
            scopes=sorted(set(scopes)),
            source=source,
            per_minute=per_minute,
            created_at=clock.now(),
            created_by=str(actor)[:255],
            expires_at=expires_at,
        )
        audit.record(actor=actor, action="api_key.issued", target=key, scopes=key.scopes, source=source)
    return IssuedKey(key, secret)


def revoke_api_key(*, key: ApiKey, actor: Any) -> bool:
    """End a key for good; false when it had been ended before. Other processes follow within seconds."""
    with transaction.atomic():
        revoked = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=clock.now())
        if revoked:
            audit.record(actor=actor, action="api_key.revoked", target=key)
    keys.forget()
    return bool(revoked)
