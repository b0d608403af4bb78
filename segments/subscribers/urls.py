"""Addresses of the pages about people."""

from __future__ import annotations

from django.urls import path

from segments.subscribers import attribute_views, list_views, person_views, views

app_name = "subscribers"
urlpatterns = [
    path("subscribers/", views.index, name="list"),
    path("subscribers/<uuid:uuid>/", views.detail, name="detail"),
    path("subscribers/new/", person_views.new, name="new"),
    path("subscribers/<uuid:uuid>/edit/", person_views.edit, name="edit"),
    path("attributes/", attribute_views.index, name="attributes"),
    path("attributes/new/", attribute_views.new, name="attribute_new"),
    path("attributes/quarantine/", attribute_views.waiting, name="quarantine"),
    path("attributes/<slug:key>/edit/", attribute_views.edit, name="attribute"),
    path("attributes/<slug:key>/delete/", attribute_views.delete, name="attribute_delete"),
    path("lists/", list_views.index, name="static_lists"),
    path("lists/new/", list_views.new, name="static_list_new"),
    path("lists/add/", list_views.add_selected, name="add_selected"),
    path("lists/remove/", list_views.remove_selected, name="remove_selected"),
    path("lists/<uuid:uuid>/", list_views.detail, name="static_list"),
    path("lists/<uuid:uuid>/rename/", list_views.rename, name="static_list_rename"),
    path("lists/<uuid:uuid>/delete/", list_views.delete, name="static_list_delete"),
]
