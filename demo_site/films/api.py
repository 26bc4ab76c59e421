"""The catalog as JSON."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from demo_site.films.models import Film
from demo_site.films.selection import read_selection

PER_PAGE = 50


def films(request: HttpRequest) -> JsonResponse:
    """A page of films, with the same parameters as the lists."""
    selection = read_selection(request.GET)
    page = Paginator(selection.apply(Film.objects.with_names()), PER_PAGE).get_page(selection.page)
    return JsonResponse(
        {
            "count": page.paginator.count,
            "next": selection.link(page=page.next_page_number()) if page.has_next() else None,
            "results": results(page),
        }
    )


def results(page: Page[Film]) -> list[dict[str, Any]]:
    """The films of a page."""
    return [summary(film) for film in page]


def film(_request: HttpRequest, slug: str) -> JsonResponse:
    """One film in full."""
    found = get_object_or_404(Film.objects.with_names(), slug=slug)
    return JsonResponse(summary(found) | details(found))


def summary(film: Film) -> dict[str, Any]:
    """What a list needs."""
    return {
        "title": film.title,
        "year": film.year,
        "director": film.director.name if film.director else None,
        "genre": film.genre.name if film.genre else None,
        "studio": film.studio.name if film.studio else None,
        "imdb_rating": None if film.imdb_rating is None else float(film.imdb_rating),
        "url": reverse("api-film", args=[film.slug]),
    }


def details(film: Film) -> dict[str, Any]:
    """The rest."""
    return {
        "released": film.release_date,
        "certificate": film.certificate or None,
        "running_time": film.running_time,
        "budget": film.budget,
        "takings": film.takings,
        "imdb_votes": film.imdb_votes,
        "tomatoes": film.tomatoes,
        "keywords": [keyword.name for keyword in film.keywords.all()],
        "note": film.note or None,
    }
