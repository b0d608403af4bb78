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
    path("settings/keys/", views.keys, name="keys"),
    path("settings/keys/new/", views.issue_key, name="issue-key"),
    path("settings/keys/<uuid:key>/revoke/", views.revoke_key, name="revoke-key"),
    path("settings/you/", views.profile, name="profile"),
]
