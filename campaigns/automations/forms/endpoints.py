"""What somebody fills in to let webhook steps tell another system."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.models import Endpoint
from personalize.core import fetch


class EndpointForm(forms.Form):
    """Name and address of an endpoint; its secret is ours to make."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("Steps of automations choose it by this name."),
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=1000,
        help_text=gettext_lazy("Where the other system listens, such as https://crm.example/hooks/personalize."),
        widget=forms.URLInput,
    )

    def __init__(self, data: Any = None, *, endpoint: Endpoint | None = None) -> None:
        super().__init__(data)
        self.initial = {"name": endpoint.name, "url": endpoint.url} if endpoint else {}
        self._endpoint = endpoint

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        others = Endpoint.objects.exclude(pk=self._endpoint.pk) if self._endpoint else Endpoint.objects.all()
        if others.filter(name=name).exists():
            raise forms.ValidationError(_("There is an endpoint of this name."))
        return name

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if problem := fetch.problem_of(url):
            raise forms.ValidationError(problem)
        return url
