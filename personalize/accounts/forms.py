"""Forms of log-in, set-up, brand, API keys and one's own settings."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth import authenticate, password_validation
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from personalize.accounts.keys import SCOPES
from personalize.accounts.models import Brand, User
from personalize.core import clock, ratelimit


def zone_choices() -> list[tuple[str, str]]:
    """All zones of the machine's database that name a place, and UTC."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class LoginForm(forms.Form):
    """Address and password; whoever guesses has to wait longer each time."""

    email = forms.EmailField(
        label=_("Email"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        email = values["email"].lower()
        key = f"login:{email}:{ratelimit.client_address(self._request)}"
        wait = ratelimit.wait_seconds(key)
        if wait:
            raise forms.ValidationError(
                ngettext(
                    "Too many tries. Wait %(count)d second, then try again.",
                    "Too many tries. Wait %(count)d seconds, then try again.",
                    wait,
                )
                % {"count": wait},
                code="wait",
            )
        user = authenticate(self._request, username=email, password=values["password"])
        if not isinstance(user, User):
            ratelimit.note_failure(key)
            raise forms.ValidationError(_("This address and password do not belong together."), code="wrong")
        ratelimit.forget(key)
        self.user = user
        return values


class SetupForm(forms.Form):
    """The first owner and the shop's name."""

    brand = forms.CharField(label=_("Name of the shop"), max_length=120, help_text=_("As people know it."))
    first_name = forms.CharField(label=_("First name"), max_length=150)
    last_name = forms.CharField(label=_("Last name (optional)"), max_length=150, required=False)
    email = forms.EmailField(label=_("Your email"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters; a few words are good."),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=zone_choices, initial="UTC")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("password"):
            person = User(email=values.get("email", ""), first_name=values.get("first_name", ""))
            try:
                password_validation.validate_password(values["password"], person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return values


class BrandForm(forms.ModelForm):  # type: ignore[type-arg]  # Not generic at run time.
    """The brand's settings, saved only if nobody else saved meanwhile."""

    lock_version = forms.IntegerField(widget=forms.HiddenInput)
    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https")
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=zone_choices, help_text=_("For people whose time zone is not known.")
    )

    class Meta:
        model = Brand
        fields = (
            "name",
            "website",
            "postal_address",
            "currency",
            "language",
            "time_zone",
            "formality",
            "track_unknown",
            "lock_version",
        )
        labels = {"track_unknown": _("Track people who were never asked")}
        help_texts = {"track_unknown": _("Their opens and clicks are counted. Those of people who said no never are.")}

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).upper()
        if not (len(code) == 3 and code.isalpha() and code.isascii()):
            raise forms.ValidationError(_("Write three letters, such as GBP."))
        return code

    def settings(self) -> dict[str, Any]:
        """What the person entered, without the version it was based on."""
        return {name: value for name, value in self.cleaned_data.items() if name != "lock_version"}


class KeyForm(forms.Form):
    """What a new API key may do, and for how long."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("The system that will hold it."))
    source = forms.CharField(
        label=_("Source"),
        max_length=40,
        initial="shop",
        help_text=_(
            "Ids it sends are filed under this name. Systems that share their customer numbers share a source."
        ),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(
        label=_("Valid"),
        coerce=int,
        initial=365,
        choices=[(30, _("For 30 days")), (90, _("For 90 days")), (365, _("For a year")), (0, _("Until it is revoked"))],
    )
    per_minute = forms.IntegerField(
        label=_("Requests a minute"),
        min_value=1,
        max_value=1_000_000,
        initial=6000,
        help_text=_("Beyond, it has to wait."),
    )

    def settings(self) -> dict[str, Any]:
        """What the person chose, as ``issue_api_key`` takes it."""
        values = dict(self.cleaned_data)
        days = values.pop("days")
        return {**values, "expires_at": clock.now() + dt.timedelta(days=days) if days else None}


class ProfileForm(forms.Form):
    """What a person may say about themselves."""

    first_name = forms.CharField(label=_("First name"), max_length=150, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=150, required=False)
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=zone_choices, help_text=_("All times you see are in this zone.")
    )


class PasswordForm(forms.Form):
    """A new password, for whoever knows the old one."""

    old = forms.CharField(
        label=_("Password now"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    new = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters; a few words are good."),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_old(self) -> str:
        if not self._user.check_password(self.cleaned_data["old"]):
            raise forms.ValidationError(_("This is not your password."))
        return str(self.cleaned_data["old"])

    def clean_new(self) -> str:
        password_validation.validate_password(self.cleaned_data["new"], self._user)
        return str(self.cleaned_data["new"])
