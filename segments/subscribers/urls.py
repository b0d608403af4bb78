"""Addresses of the pages about people."""

from __future__ import annotations

from django.urls import path

from segments.subscribers.views import attributes, editing, identity, lists, people, rights

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
    path("subscribers/new/", editing.new, name="new"),
    path("subscribers/<uuid:uuid>/edit/", editing.edit, name="edit"),
    path("attributes/", attributes.index, name="attributes"),
    path("attributes/new/", attributes.new, name="attribute_new"),
    path("attributes/quarantine/", attributes.waiting, name="quarantine"),
    path("attributes/<slug:key>/edit/", attributes.edit, name="attribute"),
    path("attributes/<slug:key>/delete/", attributes.delete, name="attribute_delete"),
    path("lists/", lists.index, name="static_lists"),
    path("lists/new/", lists.new, name="static_list_new"),
    path("lists/add/", lists.add_selected, name="add_selected"),
    path("lists/remove/", lists.remove_selected, name="remove_selected"),
    path("lists/<uuid:uuid>/", lists.detail, name="static_list"),
    path("lists/<uuid:uuid>/rename/", lists.rename, name="static_list_rename"),
    path("lists/<uuid:uuid>/delete/", lists.delete, name="static_list_delete"),
]
