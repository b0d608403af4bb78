"""Addresses of the pages about people."""

from __future__ import annotations

from django.urls import path

from segments.subscribers.views import identity, people, rights

app_name = "subscribers"
urlpatterns = [
    path("subscribers/", people.index, name="list"),
    path("subscribers/<uuid:uuid>/", people.detail, name="detail"),
    path("subscribers/<uuid:uuid>/timeline/", people.timeline, name="timeline"),
    path("subscribers/<uuid:uuid>/address/", identity.address, name="address"),
    path("subscribers/<uuid:uuid>/merge/", identity.merge, name="merge"),
    path("subscribers/<uuid:uuid>/merges/<uuid:merge>/", identity.merge_log, name="merge_log"),
    path("subscribers/<uuid:uuid>/export/", rights.export, name="export"),
    path("subscribers/<uuid:uuid>/erase/", rights.erase, name="erase"),
]
