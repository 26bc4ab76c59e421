"""Plugins, one for each way in which django CMS caches them."""

from __future__ import annotations

from typing import Any

from cms.plugin_base import CMSPluginBase
from cms.plugin_pool import plugin_pool
from django.http import HttpRequest

from tests.compat.cms_site.models import Note


@plugin_pool.register_plugin
class NotePlugin(CMSPluginBase):
    """The same for everybody."""

    model = Note
    render_template = "cms_site/note.html"


@plugin_pool.register_plugin
class CountryPlugin(NotePlugin):
    """Differs by a header."""

    def render(self, context: Any, instance: Any, placeholder: Any) -> Any:
        context["country"] = context["request"].headers.get("X-Country", "nowhere")
        return super().render(context, instance, placeholder)

    def get_vary_cache_on(self, request: HttpRequest, instance: Any, placeholder: Any) -> list[str]:
        return ["X-Country"]


@plugin_pool.register_plugin
class VisitorPlugin(NotePlugin):
    """Differs by visitor."""

    cache = False

    def render(self, context: Any, instance: Any, placeholder: Any) -> Any:
        context["name"] = context["request"].user.get_username() or "nobody"
        return super().render(context, instance, placeholder)
