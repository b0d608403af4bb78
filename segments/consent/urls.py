"""Addresses of the pages of consent. Those with a token stand in mails and must work for as long as mails are kept."""

from __future__ import annotations

from django.urls import path

from segments.consent.views import public, signup_forms, topics

app_name = "consent"

# Tokens are matched as paths, so that a mangled link finds the same neutral page as a forged one.
urlpatterns = [
    path("p/<path:token>", public.preferences, name="preferences"),
    path("c/<path:token>", public.confirm, name="confirm"),
    path("b/<path:token>", public.undo, name="undo"),
    path("f/<slug:key>/", public.form, name="form"),
    path("f/<slug:key>/frame/", public.form, {"framed": True}, name="form_frame"),
    path("link/", public.link, name="link"),
    path("topics/", topics.index, name="topics"),
    path("topics/new/", topics.new, name="topic_new"),
    path("topics/<slug:key>/edit/", topics.edit, name="topic_edit"),
    path("forms/", signup_forms.index, name="forms"),
    path("forms/new/", signup_forms.new, name="form_new"),
    path("forms/<slug:key>/edit/", signup_forms.edit, name="form_edit"),
    path("forms/<slug:key>/preview/", signup_forms.preview, name="form_preview"),
]
