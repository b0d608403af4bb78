"""The forms in which a segment is written: a rule is only saved when it can be used."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.segmentation import services
from segments.segmentation.builder.fields import RuleField
from segments.segmentation.models import Segment, SegmentMode
from segments.segmentation.rules.parse import RuleError


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]  # Django brings no types at run time.
    class Meta:
        model = Segment
        fields = ("name", "description", "rule", "mode")

    def clean_rule(self) -> Any:
        rule = self.cleaned_data["rule"]
        try:
            services.check_rule(rule, of=self.instance.uuid)
        except RuleError as error:
            raise forms.ValidationError(str(error)) from error
        return rule


class EditForm(forms.Form):
    """The page on which a segment is written. ``segment`` is the id of the one that there is already."""

    name = forms.CharField(max_length=120, label=gettext_lazy("Name"))
    description = forms.CharField(max_length=255, required=False, label=gettext_lazy("What it is for"))
    mode = forms.ChoiceField(
        label=gettext_lazy("When people are asked about"), required=False, choices=SegmentMode.choices
    )
    lock_version = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, segment: UUID | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.segment = segment
        self.fields["mode"].widget.attrs["form"] = "segment-form"
        self.fields["rule"] = RuleField(label=_("Rule"), small=False, everybody=True, segment=segment)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        others = Segment.objects.exclude(uuid=self.segment) if self.segment else Segment.objects.all()
        if others.filter(name=name).exists():
            raise forms.ValidationError(_("There is a segment of this name already."))
        return name
