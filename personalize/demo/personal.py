"""What becomes of caught mail when the person it went to is erased."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from personalize.core.personal import stay
from personalize.core.registries import PersonalData
from personalize.demo import inbox


def declared() -> list[PersonalData]:
    """Caught mail lies in a file of its own; it is the text of mails that the export lists already."""
    return [
        PersonalData(
            model="demo.CaughtMail",
            label=_("Caught mail"),
            count=lambda person: sum(map(inbox.Inbox(settings.CAUGHT_MAIL).naming, person.addresses())),
            export=None,
            erase=lambda person: sum(inbox.forget(settings.CAUGHT_MAIL, address) for address in person.addresses()),
            merge=stay,
            fate=_("deleted"),
        )
    ]
