"""Addresses that stand in mails. They must keep working for as long as mails are kept."""

from __future__ import annotations

from django.urls import path

from campaigns.tracking import views

app_name = "tracking"

# Tokens are matched as paths, so that a mangled link finds the same neutral page as a forged one.
urlpatterns = [
    path("t/o/<path:token>.gif", views.open_pixel, name="open"),
    path("t/c/<path:token>", views.click, name="click"),
    path("t/u/<path:token>", views.unsubscribe, name="unsubscribe"),
    path("t/v/<path:token>", views.view, name="view"),
]
