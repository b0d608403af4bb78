"""Addresses of the limits."""

from __future__ import annotations

from django.urls import path

from campaigns.delivery import views

app_name = "delivery"
urlpatterns = [
    path("settings/limits/", views.limits, name="limits"),
    path("settings/limits/new/", views.new_limit, name="new_limit"),
    path("settings/limits/<int:pk>/", views.limit, name="limit"),
    path("settings/limits/<int:pk>/switch/", views.switch_limit, name="switch_limit"),
]
