"""Pages for everybody."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Avg, Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from demo_site.films import statistics
from demo_site.films.models import Director, Feedback, Film, FilmQuerySet, Genre, Review, Studio
from demo_site.films.selection import (
    CERTIFICATES,
    RATINGS,
    SORT_NAMES,
    Selection,
    page_number,
    read_selection,
)

PER_PAGE = 24
NAMES_PER_PAGE = 60
FIRST_DECADE = 1880


def home(request: HttpRequest) -> HttpResponse:
    """Numbers, the best, the decades and the latest opinions."""
    context = {
        "totals": statistics.totals(),
        "decades": statistics.decades(),
        "genres": statistics.genres(),
        "best": Film.objects.well_known().with_names().best()[:14],
        "richest": Film.objects.filter(takings__isnull=False).order_by("-takings")[:8],
        "reviews": Review.objects.select_related("film", "author")[:3],
    }
    return render(request, "films/home.html", context)


def films(request: HttpRequest) -> HttpResponse:
    """All films."""
    return film_list(request, Film.objects.all(), heading=_("All films"))


def genre(request: HttpRequest, slug: str) -> HttpResponse:
    """The films of a genre."""
    found = get_object_or_404(Genre, slug=slug)
    return film_list(
        request,
        Film.objects.filter(genre=found),
        heading=_(found.name),
        kicker=_("Genre"),
        fixed="genre",
    )


def decade(request: HttpRequest, decade: int) -> HttpResponse:
    """The films of ten years."""
    if decade % 10 or decade < FIRST_DECADE:
        raise Http404
    heading = _("The %(decade)ss") % {"decade": decade}
    return film_list(request, Film.objects.of_decade(decade), heading=heading, kicker=_("Decade"))


def studio(request: HttpRequest, slug: str) -> HttpResponse:
    """The films of a studio."""
    found = get_object_or_404(Studio, slug=slug)
    return film_list(
        request, Film.objects.filter(studio=found), heading=found.name, kicker=_("Studio")
    )


def film_list(request: HttpRequest, films: FilmQuerySet, **context: Any) -> HttpResponse:
    """A list with filters, order and pages."""
    selection = read_selection(request.GET)
    page = Paginator(selection.apply(films.with_names()), PER_PAGE).get_page(selection.page)
    context |= {"selection": selection, "page": page, "sorts": SORT_NAMES, "ratings": RATINGS}
    context |= {
        "certificates": CERTIFICATES,
        "genres": Genre.objects.all(),
        "language_query": selection.link(),
    }
    return render(request, "films/film_list.html", context)


def film(request: HttpRequest, slug: str) -> HttpResponse:
    """One film, and what people say about it."""
    found = get_object_or_404(Film.objects.with_names(), slug=slug)
    context = {
        "film": found,
        "keywords": found.keywords.all(),
        "reviews": found.reviews.select_related("author"),
        "stars": found.reviews.aggregate(mean=Avg("stars"))["mean"],
    }
    return render(request, "films/film.html", context)


def similar(request: HttpRequest, slug: str) -> HttpResponse:
    """What else to see, which the film's page fetches.

    A list depends on the whole table of films. As a page of its own it alone falls with each film that is saved;
    within the film's page it would take that along, and so the pages of all films.
    """
    found = get_object_or_404(Film, slug=slug)
    return render(request, "films/similar.html", {"film": found, "similar": similar_films(found)})


def similar_films(film: Film) -> FilmQuerySet:
    """Six of the best by the same director or of the same genre and decade."""
    same_maker = Q(director=film.director_id) if film.director_id else Q(pk__in=[])
    same_taste = (
        Q(genre=film.genre_id, year__range=(film.decade, film.decade + 9))
        if film.decade
        else Q(pk__in=[])
    )
    return Film.objects.with_names().filter(same_maker | same_taste).exclude(pk=film.pk).best()[:6]


def genres(request: HttpRequest) -> HttpResponse:
    """All genres."""
    return index(request, Genre.objects.all(), _("Genres"))


def studios(request: HttpRequest) -> HttpResponse:
    """All studios."""
    return index(request, Studio.objects.all(), _("Studios"))


def directors(request: HttpRequest) -> HttpResponse:
    """All directors."""
    return index(request, Director.objects.all(), _("Directors"))


def index(request: HttpRequest, names: Any, heading: str) -> HttpResponse:
    """Names with the number of their films, those with the most first."""
    counted = names.annotate(count=Count("films"), rating=Avg("films__imdb_rating")).order_by(
        "-count", "name"
    )
    selection = Selection(page=page_number(request.GET))
    page = Paginator(counted, NAMES_PER_PAGE).get_page(selection.page)
    context = {
        "heading": heading,
        "page": page,
        "selection": selection,
        "language_query": selection.link(),
    }
    return render(request, "films/index.html", context)


def director(request: HttpRequest, slug: str) -> HttpResponse:
    """A director's films, newest first, with their mean."""
    found = get_object_or_404(Director, slug=slug)
    films = found.films.select_related("director", "genre", "studio").order_by("-year", "title")
    numbers = found.films.aggregate(films=Count("pk"), rating=Avg("imdb_rating"))
    return render(
        request, "films/director.html", {"director": found, "films": films, "numbers": numbers}
    )


def search(request: HttpRequest) -> HttpResponse:
    """Films by title or director. Its canonical link repeats the whole address, so that keys the page."""
    wanted = request.GET.get("q", "").strip()
    selection = Selection(page=page_number(request.GET))
    page = Paginator(matching(wanted), PER_PAGE).get_page(selection.page)
    canonical = request.build_absolute_uri(request.get_full_path())
    context = {"wanted": wanted, "page": page, "selection": selection, "canonical": canonical}
    return render(request, "films/search.html", context)


def matching(wanted: str) -> FilmQuerySet:
    """Films whose title or director has the words in it; none for no words."""
    if not wanted:
        return Film.objects.none()
    found = Film.objects.filter(Q(title__icontains=wanted) | Q(director__name__icontains=wanted))
    return found.with_names().order_by("-imdb_votes", "title")


def thanks(request: HttpRequest) -> HttpResponse:
    """After a message was sent: how many there are now."""
    return render(request, "films/thanks.html", {"messages_sent": Feedback.objects.count()})
