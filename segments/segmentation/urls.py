"""Addresses of the pages about segments, and of the rule builder."""

from __future__ import annotations

from django.urls import path

from segments.segmentation.views import builder, segments

app_name = "segmentation"
urlpatterns = [
    path("segments/", segments.index, name="list"),
    path("segments/new/", segments.new, name="new"),
    path("segments/new/save/", segments.create, name="create"),
    path("segments/new/draft/", segments.keep_draft, name="keep_new"),
    path("segments/new/discard/", segments.discard, name="discard_new"),
    path("segments/people/<str:code>/", segments.members, name="people"),
    path("segments/rule/", builder.edit, name="edit_rule"),
    path("segments/rule/ask/", builder.ask, name="ask_rule"),
    path("segments/rule/options/", builder.options, name="rule_options"),
    path("segments/rule/count/", builder.count, name="count_rule"),
    path("segments/rule/figures/", builder.funnel, name="rule_figures"),
    path("segments/rule/missing/", builder.missing, name="rule_missing"),
    path("segments/rule/people/", builder.sample, name="rule_people"),
    path("segments/rule/change/", builder.change, name="rule_change"),
    path("segments/rule/why/", builder.why, name="rule_why"),
    path("segments/rule/whom/", builder.whom, name="rule_whom"),
    path("segments/<uuid:uuid>/", segments.detail, name="detail"),
    path("segments/<uuid:uuid>/save/", segments.save, name="save"),
    path("segments/<uuid:uuid>/draft/", segments.keep_draft, name="keep"),
    path("segments/<uuid:uuid>/discard/", segments.discard, name="discard"),
    path("segments/<uuid:uuid>/take/", segments.take, name="take"),
    path("segments/<uuid:uuid>/delete/", segments.delete, name="delete"),
    path("segments/<uuid:uuid>/why/<uuid:person>/", segments.why, name="why"),
]
