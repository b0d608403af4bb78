"""Addresses of campaigns."""

from __future__ import annotations

from django.urls import path

from campaigns.scheduled import views

app_name = "scheduled"
urlpatterns = [
    path("campaigns/", views.campaign_list, name="list"),
    path("campaigns/new/", views.campaign_new, name="new"),
    path("campaigns/<uuid:uuid>/", views.campaign_detail, name="detail"),
    path("campaigns/<uuid:uuid>/edit/", views.campaign_edit, name="edit"),
    path("campaigns/<uuid:uuid>/progress/", views.campaign_progress, name="progress"),
    path("campaigns/<uuid:uuid>/people/", views.campaign_people, name="people"),
    path("campaigns/<uuid:uuid>/people/<uuid:person>/", views.campaign_why, name="why"),
    path("campaigns/<uuid:uuid>/send/", views.campaign_send, name="send"),
    path("campaigns/<uuid:uuid>/pause/", views.campaign_pause, name="pause"),
    path("campaigns/<uuid:uuid>/resume/", views.campaign_resume, name="resume"),
    path("campaigns/<uuid:uuid>/cancel/", views.campaign_cancel, name="cancel"),
    path("campaigns/doubt/<uuid:uuid>/", views.settle_doubt, name="settle"),
]
