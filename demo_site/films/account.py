"""Pages for somebody who is logged in."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from demo_site.films.forms import ReviewForm
from demo_site.films.models import Film, Review, WatchListItem


def me(request: HttpRequest) -> User:
    """The user, whom ``login_required`` made sure of."""
    return cast("User", request.user)


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Your name, your reviews, and the way out."""
    reviews = Review.objects.filter(author=me(request)).select_related("film")
    return render(request, "films/account.html", {"reviews": reviews})


@login_required
def watch_list(request: HttpRequest) -> HttpResponse:
    """The films you mean to see; nobody else sees this page."""
    items = WatchListItem.objects.filter(owner=me(request)).select_related(
        "film__director", "film__genre"
    )
    return render(request, "films/watch_list.html", {"items": items})


@login_required
def watch(request: HttpRequest, slug: str) -> HttpResponse:
    """Put a film on your watch list, or take it off."""
    film = get_object_or_404(Film, slug=slug)
    mine = WatchListItem.objects.filter(owner=me(request), film=film)
    if request.method == "POST":
        messages.success(request, toggle(request, film) % {"film": film.title})
        return redirect("watch-list")
    heading = (
        _("Take it off your watch list?") if mine.exists() else _("Put it on your watch list?")
    )
    return render(
        request, "films/form.html", {"heading": heading, "film": film, "button": _("Yes")}
    )


def toggle(request: HttpRequest, film: Film) -> str:
    """On if it was off, off if it was on; what to tell about the film."""
    item, is_new = WatchListItem.objects.get_or_create(owner=me(request), film=film)
    if is_new:
        return _("“%(film)s” is on your watch list now.")
    item.delete()
    return _("“%(film)s” is off your watch list.")


@login_required
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """Write your review of a film, or change it."""
    film = get_object_or_404(Film, slug=slug)
    mine = Review.objects.filter(film=film, author=me(request)).first() or Review(
        film=film, author=me(request)
    )
    form = ReviewForm(request.POST or None, instance=mine)
    if form.is_valid():
        form.save()
        messages.success(request, _("Your review is published."))
        return redirect(film)
    return render(
        request,
        "films/form.html",
        {"form": form, "heading": _("Your review"), "film": film, "button": _("Publish")},
    )
