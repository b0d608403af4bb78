"""Addresses of the reports."""

from __future__ import annotations

from django.urls import path

from campaigns.analytics import views

app_name = "analytics"
urlpatterns = [
    path("reports/", views.index, name="index"),
    path("campaigns/<uuid:uuid>/report/", views.report, name="report"),
    path("campaigns/<uuid:uuid>/report/people/", views.people, name="people"),
    path("automations/<uuid:uuid>/report/", views.automation_report, name="automation_report"),
    path("automations/<uuid:uuid>/report/people/", views.automation_people, name="automation_people"),
]
