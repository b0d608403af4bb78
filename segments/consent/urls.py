"""Addresses of the pages of consent. Those with a token stand in mails and must work for as long as mails are kept."""

from __future__ import annotations

from django.urls import path

from segments.consent.views import public

app_name = "consent"

# Tokens are matched as paths, so that a mangled link finds the same neutral page as a forged one.
urlpatterns = [
    path("p/<path:token>", public.preferences, name="preferences"),
    path("c/<path:token>", public.confirm, name="confirm"),
    path("b/<path:token>", public.undo, name="undo"),
    path("f/<slug:key>/", public.form, name="form"),
    path("link/", public.link, name="link"),
]
