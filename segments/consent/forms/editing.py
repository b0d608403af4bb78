"""What a marketer fills in: a topic, and a sign-up form."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.consent.forms import profile
from segments.consent.models import SignupForm, Topic, TopicKind
from segments.subscribers.profile import language_tag


class _Keyed(forms.ModelForm):  # type: ignore[type-arg]  # Not generic at run time.
    """A form about something with a key, which is made from the name unless given, and fixed once stored."""

    key = forms.SlugField(label=gettext_lazy("Key"), max_length=40, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["key"].disabled = True

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if "name" in values and not values.get("key") and "key" not in self.errors:
            values["key"] = slugify(values["name"])[:40]
            taken = type(self.instance)._default_manager.filter(key=values["key"]).exists()
            if not values["key"] or taken:
                self.add_error("key", _("Write a key, in Latin letters, that nothing else here has."))
        return values

    def _post_clean(self) -> None:
        """The instance is written by the service, not by the form; only uniqueness of a given key is checked here."""
        key = self.cleaned_data.get("key")
        others = type(self.instance)._default_manager.exclude(pk=self.instance.pk)
        if key and "key" not in self.errors and others.filter(key=key).exists():
            self.add_error("key", _("Something else here has this key."))


class TopicForm(_Keyed):
    """A topic, in the words people read."""

    class Meta:
        model = Topic
        fields = ("name", "description", "frequency", "kind", "opt_in", "visible", "key")
        labels = {
            "name": gettext_lazy("Name"),
            "description": gettext_lazy("What it is about"),
            "frequency": gettext_lazy("How often"),
            "kind": gettext_lazy("Kind"),
            "opt_in": gettext_lazy("Joining"),
            "visible": gettext_lazy("Offer it to everybody in the preference centre"),
        }
        help_texts = {
            "name": gettext_lazy("As people read it, such as ‘Winter and gifts’."),
            "kind": gettext_lazy("Service mail, such as order news, is sent whatever people said about marketing."),
            "opt_in": gettext_lazy(
                "Double: people confirm by mail before anything is sent. It proves the address is theirs."
            ),
            "visible": gettext_lazy("Hidden topics are seen only by those who follow them, so that they can leave."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].help_text = (
            _("It stands in proofs and rules, and stays.")
            if self.instance.pk
            else _("For rules and interfaces. Leave it empty to have it made from the name. It stays as it is.")
        )


class SignupFormForm(_Keyed):
    """A sign-up form: its words, its topics and its questions."""

    asks = forms.MultipleChoiceField(
        label=gettext_lazy("Also ask for"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("All of it is optional for people; the fewer questions, the more sign up."),
    )
    topics = forms.ModelMultipleChoiceField(
        Topic.objects.filter(kind=TopicKind.MARKETING),
        label=gettext_lazy("For which topics"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("With several, people choose among them."),
    )
    redirect_url = forms.URLField(
        label=gettext_lazy("Where to go afterwards"),
        required=False,
        assume_scheme="https",
        help_text=gettext_lazy("Optional: a page of your shop, instead of the thanks."),
    )
    lock_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = SignupForm
        fields = (
            "name", "heading", "text", "topics", "asks", "wording", "button", "thanks", "redirect_url", "language",
            "active", "key", "lock_version",
        )  # fmt: skip
        labels = {
            "name": gettext_lazy("Name"),
            "heading": gettext_lazy("Heading"),
            "text": gettext_lazy("Text below it"),
            "wording": gettext_lazy("What people agree to"),
            "button": gettext_lazy("Button"),
            "thanks": gettext_lazy("Thanks"),
            "language": gettext_lazy("Language"),
            "active": gettext_lazy("People can sign up by it"),
        }
        help_texts = {
            "name": gettext_lazy("Only your team sees it."),
            "wording": gettext_lazy("Beside the box to tick. Kept word for word with every consent."),
            "thanks": gettext_lazy(
                "Everybody gets the same, so say both: ‘If your address is new here, a mail asks you to confirm.’"
            ),
            "language": gettext_lazy(
                "Of the words above, and of people who join; such as en or de. Empty: the shop's."
            ),
        }
        widgets = {
            "text": forms.Textarea(attrs={"rows": 3}),
            "wording": forms.Textarea(attrs={"rows": 3}),
            "thanks": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asks = self.fields["asks"]
        asks.choices = profile.askable()  # type: ignore[attr-defined]  # Declared as a choice field above.
        self.fields["key"].help_text = (
            _("The last part of its address, which stands in your shop's pages, and stays.")
            if self.instance.pk
            else _("The last part of its address. Leave it empty to have it made from the name. It stays as it is.")
        )

    def clean_redirect_url(self) -> str:
        url = str(self.cleaned_data["redirect_url"])
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise forms.ValidationError(_("Write an address that starts with https://."))
        return url

    def clean_language(self) -> str:
        tag = str(self.cleaned_data["language"])
        if tag and language_tag(tag) is None:
            raise forms.ValidationError(_("This is not a language we know; use a code such as en or de-AT."))
        return (language_tag(tag) or "") if tag else ""

    def settings(self) -> dict[str, Any]:
        """What was entered, without the topics and the version it was based on."""
        return {name: value for name, value in self.cleaned_data.items() if name not in ("topics", "lock_version")}
