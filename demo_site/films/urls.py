"""The catalog's pages."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from demo_site.films import account, forms_pages, pages, promotions

urlpatterns = [
    path("", pages.home, name="home"),
    path("films/", pages.films, name="films"),
    path("films/<slug:slug>/", pages.film, name="film"),
    path("films/<slug:slug>/similar/", pages.similar, name="similar"),
    path("films/<slug:slug>/review/", account.review, name="review"),
    path("films/<slug:slug>/watch/", account.watch, name="watch"),
    path("genres/", pages.genres, name="genres"),
    path("genres/<slug:slug>/", pages.genre, name="genre"),
    path("decades/<int:decade>/", pages.decade, name="decade"),
    path("studios/", pages.studios, name="studios"),
    path("studios/<slug:slug>/", pages.studio, name="studio"),
    path("directors/", pages.directors, name="directors"),
    path("directors/<slug:slug>/", pages.director, name="director"),
    path("search/", pages.search, name="search"),
    path("contact/", forms_pages.contact, name="contact"),
    path("contact/thanks/", pages.thanks, name="thanks"),
    path("account/", account.account, name="account"),
    path("account/watch-list/", account.watch_list, name="watch-list"),
    path("account/login/", LoginView.as_view(), name="login"),
    path("account/logout/", LogoutView.as_view(), name="logout"),
    path("account/signup/", forms_pages.signup, name="signup"),
    path("offers/<slug:name>/", promotions.choose, name="promotion"),
]
