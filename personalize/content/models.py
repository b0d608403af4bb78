"""Templates and their immutable versions."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Template(models.Model):
    """A mail being written. What is sent is never this, but one of its versions.

    ``key`` names what the product itself sends by it, such as ``confirmation``; none for the shop's own mails.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    key = models.SlugField(max_length=40, unique=True, null=True, blank=True, editable=False)
    subject = models.CharField(max_length=500)
    preheader = models.CharField(max_length=500, blank=True)
    blocks = models.JSONField(default=list, help_text=_("The mail, block by block; see docs/templates.md."))
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    lock_version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """A template as it was saved, compiled; never changed afterwards.

    ``compiled`` holds Jinja2 sources: ``subject``, ``preheader``, ``html_tracked``, ``html_untracked``, ``text_tracked``,
    ``text_untracked``. ``links`` is the table of static link targets (number, url, label, block); ``fields`` the merge
    fields it needs; ``rules`` the "show when" rule of each block that has one; ``products`` what each product block asks
    of the recommendations.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=500)
    preheader = models.CharField(max_length=500, blank=True)
    blocks = models.JSONField()
    compiled = models.JSONField()
    links = models.JSONField(default=list)
    fields = models.JSONField(default=list)
    rules = models.JSONField(default=dict)
    products = models.JSONField(default=dict)
    content_hash = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_number")]
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.template}, {_('version')} {self.number}"
