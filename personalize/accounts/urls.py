"""Addresses of log-in, set-up and settings."""

from __future__ import annotations

from django.urls import path

from personalize.accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("setup/", views.setup, name="setup"),
    path("settings/brand/", views.brand, name="brand"),
    path("settings/you/", views.profile, name="profile"),
]
