"""Forms for visitors who are not logged in."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from demo_site.films.forms import FeedbackForm


def contact(request: HttpRequest) -> HttpResponse:
    """Send the site a message."""
    form = FeedbackForm(request.POST or None)
    if form.is_valid():
        form.save()
        messages.success(request, _("Your message has arrived."))
        return redirect("thanks")
    context = {"form": form, "heading": _("Contact"), "button": _("Send")}
    context["introduction"] = _("Something wrong with a film, or missing? Tell us.")
    return render(request, "films/form.html", context)


@sensitive_post_parameters()
def signup(request: HttpRequest) -> HttpResponse:
    """Open an account and log in."""
    form: UserCreationForm[User] = UserCreationForm(request.POST or None)
    if form.is_valid():
        login(request, form.save())
        return redirect("account")
    return render(
        request, "films/form.html", {"form": form, "heading": _("Sign up"), "button": _("Sign up")}
    )
