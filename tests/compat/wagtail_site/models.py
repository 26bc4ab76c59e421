"""Pages."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import FieldPanel, InlinePanel
from wagtail.contrib.forms.models import AbstractForm, AbstractFormField
from wagtail.fields import RichTextField
from wagtail.images.models import Image
from wagtail.models import Page
from wagtail.search import index
from wagtail.snippets.models import register_snippet


@register_snippet
class Notice(models.Model):
    """Something at the foot of each page."""

    text = models.CharField(max_length=100)

    objects: ClassVar[models.Manager[Notice]] = models.Manager()
    panels = [FieldPanel("text")]

    def __str__(self) -> str:
        return self.text


class HomePage(Page):
    """The root of the site, with a list of what is below."""


class ArticlePage(Page):
    """A page with a text and a picture."""

    body = RichTextField(blank=True)
    picture = models.ForeignKey(
        Image, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    content_panels = [*Page.content_panels, FieldPanel("body"), FieldPanel("picture")]
    search_fields = [*Page.search_fields, index.SearchField("body")]


class Field(AbstractFormField):
    """A field of a form."""

    page = ParentalKey("FormPage", on_delete=models.CASCADE, related_name="form_fields")


class FormPage(AbstractForm):
    """A form that editors make."""

    content_panels = [*AbstractForm.content_panels, InlinePanel("form_fields")]
