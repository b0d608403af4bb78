"""Addresses of the pages about segments."""

from __future__ import annotations

from django.urls import path

from segments.segmentation import views

app_name = "segmentation"
urlpatterns = [
    path("segments/", views.index, name="list"),
    path("segments/<uuid:uuid>/", views.detail, name="detail"),
    path("segments/<uuid:uuid>/delete/", views.delete, name="delete"),
    path("segments/<uuid:uuid>/why/<uuid:person>/", views.why, name="why"),
]
