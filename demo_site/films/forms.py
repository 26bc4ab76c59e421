"""What visitors can send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

from demo_site.films.models import Feedback, Review

STARS = [(5, "★★★★★"), (4, "★★★★"), (3, "★★★"), (2, "★★"), (1, "★")]

if TYPE_CHECKING:  # Django's forms take a type parameter only in the stubs
    ReviewFormBase = forms.ModelForm[Review]
    FeedbackFormBase = forms.ModelForm[Feedback]
else:
    ReviewFormBase = FeedbackFormBase = forms.ModelForm


class ReviewForm(ReviewFormBase):
    """An opinion on a film."""

    stars = forms.TypedChoiceField(label=_("Stars"), choices=STARS, coerce=int)

    class Meta:
        model = Review
        fields = ["stars", "text"]
        widgets = {"text": forms.Textarea(attrs={"rows": 6})}


class FeedbackForm(FeedbackFormBase):
    """A message to the site."""

    class Meta:
        model = Feedback
        fields = ["name", "message"]
        widgets = {"message": forms.Textarea(attrs={"rows": 6})}
