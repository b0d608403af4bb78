"""Addresses of the pages about people."""

from __future__ import annotations

from django.urls import path

from segments.subscribers import views

app_name = "subscribers"
urlpatterns = [
    path("subscribers/", views.index, name="list"),
    path("subscribers/<uuid:uuid>/", views.detail, name="detail"),
]
