"""Log in and out, the first set-up, the brand, API keys, one's own settings."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login as start_session
from django.contrib.auth import logout as end_session
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from personalize.accounts import services
from personalize.accounts.forms import BrandForm, KeyForm, LoginForm, PasswordForm, ProfileForm, SetupForm
from personalize.accounts.models import ApiKey, Brand, User
from personalize.accounts.types import BadKey
from personalize.core import clock
from personalize.core.permissions import require


@login_required
def admin_door(request: HttpRequest) -> HttpResponse:
    """Where the administration sends whom it does not know: strangers to log in, everybody else to a plain refusal."""
    if not request.user.is_staff:
        raise PermissionDenied("admin")
    return redirect("admin:index")


@sensitive_post_parameters("password")
@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Log in; as long as nobody works here, the way to the first set-up."""
    if services.setup_is_open():
        return redirect("accounts:setup")
    wanted = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        wanted = resolve_url(settings.LOGIN_REDIRECT_URL)
    if request.user.is_authenticated:
        return redirect(wanted)
    form = LoginForm(request, request.POST or None)
    if form.is_valid() and form.user:
        start_session(request, form.user)
        return redirect(wanted)
    return render(request, "accounts/login.html", {"form": form, "next": wanted})


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    end_session(request)
    return redirect("accounts:login")


@sensitive_post_parameters("password")
@never_cache
def setup(request: HttpRequest) -> HttpResponse:
    """Make the first owner; closed for good once there is one."""
    if not services.setup_is_open():
        return redirect("dashboard:home")
    form = SetupForm(request.POST or None)
    if form.is_valid():
        owner = services.set_up(**form.cleaned_data)
        if owner:
            start_session(request, owner)
        return redirect("dashboard:home")
    return render(request, "accounts/setup.html", {"form": form})


@require("settings.edit")
def brand(request: HttpRequest) -> HttpResponse:
    """Who sends the mail: name, legal address, language, currency."""
    row = Brand.objects.first() or Brand(pk=services.BRAND_ID)
    form = BrandForm(request.POST or None, instance=row)
    if form.is_valid():
        based_on = form.cleaned_data["lock_version"]
        if services.save_brand(values=form.settings(), lock_version=based_on, actor=cast(User, request.user)):
            messages.success(request, _("Saved. The next mails use it."))
            return redirect("accounts:brand")
        form.add_error(None, _("Somebody else saved these settings meanwhile. Reload the page to see what changed."))
    return render(request, "accounts/brand.html", {"form": form})


@never_cache
@require("settings.edit")
def keys(request: HttpRequest) -> HttpResponse:
    """The keys by which other systems speak to the API. A new one is posted here, and its secret shown this once."""
    if request.method != "POST":
        return render(request, "accounts/keys.html", {"keys": _keys()})
    form = KeyForm(request.POST)
    if form.is_valid():
        issued = services.issue_api_key(**form.settings(), actor=cast(User, request.user))
        if not isinstance(issued, BadKey):
            return render(request, "accounts/keys.html", {"keys": _keys(), "issued": issued})
        form.add_error(issued.field if issued.field in form.fields else None, issued.reason)
    return render(request, "accounts/key_new.html", {"form": form})


@require("settings.edit")
def issue_key(request: HttpRequest) -> HttpResponse:
    """Choose what a new key may do."""
    return render(request, "accounts/key_new.html", {"form": KeyForm()})


@require_POST
@require("settings.edit")
def revoke_key(request: HttpRequest, key: UUID) -> HttpResponse:
    """End a key for good."""
    row = get_object_or_404(ApiKey, uuid=key)
    if services.revoke_api_key(key=row, actor=cast(User, request.user)):
        messages.success(request, _("‘%s’ is revoked. Whoever uses it is refused from now on.") % row.name)
    return redirect("accounts:keys")


def _keys() -> list[tuple[ApiKey, str]]:
    """All keys with how they stand, the living first."""
    now = clock.now()
    found = [
        (key, "revoked" if key.revoked_at else "expired" if key.expires_at and key.expires_at <= now else "good")
        for key in ApiKey.objects.order_by("-created_at")
    ]
    return sorted(found, key=lambda pair: pair[1] != "good")


@sensitive_post_parameters("old", "new")
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """One's own name, time zone and password."""
    user = cast(User, request.user)
    wants_password = "new" in request.POST
    known = {"first_name": user.first_name, "last_name": user.last_name, "time_zone": user.time_zone}
    form = ProfileForm(request.POST if request.POST and not wants_password else None, initial=known)
    password_form = PasswordForm(user, request.POST if wants_password else None)
    if form.is_valid():
        services.save_profile(user=user, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("accounts:profile")
    if password_form.is_valid():
        services.change_password(request=request, user=user, password=password_form.cleaned_data["new"])
        messages.success(request, _("Password changed. Your other sessions have ended."))
        return redirect("accounts:profile")
    return render(request, "accounts/profile.html", {"form": form, "password_form": password_form})
