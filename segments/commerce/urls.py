"""Addresses of products and connections, and the two doors that stand open to the shop."""

from __future__ import annotations

from django.urls import path

from segments.commerce import receivers, views

app_name = "commerce"
urlpatterns = [
    path("products/", views.products, name="products"),
    path("products/<uuid:uuid>/", views.product, name="product"),
    path("settings/connections/", views.connections, name="connections"),
    path("settings/connections/new/", views.new_connection, name="new_connection"),
    path("settings/connections/<uuid:uuid>/", views.connection, name="connection"),
    path("settings/connections/<uuid:uuid>/mapping/", views.mapping, name="mapping"),
    path("settings/connections/<uuid:uuid>/receipts/<uuid:receipt>/", views.receipt, name="receipt"),
    path("settings/connections/<uuid:uuid>/receipts/<uuid:receipt>/again/", views.again, name="again"),
    path("hooks/<uuid:uuid>/", receivers.hook, name="hook"),
    path("s/<uuid:uuid>.js", receivers.script, name="script"),
    path("s/e", receivers.view, name="view"),
]
