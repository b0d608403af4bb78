"""The form in which one says who sees a block."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from segments.segmentation.builder.fields import RuleField


class ShowWhenForm(forms.Form):
    """For whom a block is shown; for everybody when nothing is asked."""

    lock_version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    rule = RuleField(label=gettext_lazy("Show when"), required=False, allow_trigger=True)
