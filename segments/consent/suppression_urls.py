"""Addresses of the pages about whom nobody may mail."""

from __future__ import annotations

from django.urls import path

from segments.consent.views import suppression

app_name = "suppression"
urlpatterns = [
    path("suppression/", suppression.index, name="list"),
    path("suppression/add/", suppression.add, name="add"),
    path("suppression/upload/", suppression.upload, name="upload"),
    path("suppression/download/", suppression.download, name="download"),
    path("suppression/<int:pk>/remove/", suppression.remove, name="remove"),
]
