"""What visitors of a real site do, step by step; each step is a row of the table."""

from __future__ import annotations

import json
from collections.abc import Callable
from statistics import mean

from demo_site.promises import (
    Row,
    Site,
    expect,
    expect_private,
    expect_same,
    expect_stored,
    hit_time,
    promise,
)

HOME, LIST, FILM = "/en/", "/en/films/", "/en/films/the-godfather/"
THANKS = "/en/contact/thanks/"
CROWD = 300
CROWD_PAGES = (
    "/en/decades/1990/",
    "/en/genres/western/",
    "/en/directors/ridley-scott/",
    "/en/films/alien/",
    "/en/studios/",
)


def front_page(site: Site) -> Row:
    """The first visitor waits for the view, the second visit does not."""
    anna = site.visitor()
    made = expect_stored(anna.get(HOME), "Best rated")
    cached = hit_time(anna, HOME, "Best rated")
    expect_same(made, anna.get(HOME))
    return Row("front page", "miss, stored; then hits", made.milliseconds, cached)


def another_visitor(site: Site) -> Row:
    """A browser, analytics cookies and a campaign of their own change nothing."""
    ben = site.visitor({"_ga": "GA1.1.42.7", "_fbp": "fb.1.99"}, User_Agent="Ben's browser")
    path = f"{HOME}?utm_source=letter&utm_campaign=spring&fbclid=IwAR0Ben"
    cached = hit_time(ben, path, "Best rated")
    return Row("front page, another visitor", "hit: nobody read what is new in it", None, cached)


def filtered_list(site: Site) -> Row:
    """The parameters that the list reads make pages of their own; others do not."""
    carl = site.visitor()
    path = f"{LIST}?sort=oldest&rating=8"
    made = expect_stored(carl.get(path))
    cached = hit_time(carl, f"{path}&gclid=EAIaIQ")
    other = expect_stored(carl.get(f"{LIST}?sort=title&rating=8"))
    promise(other.body != made.body, "another order of the list shows the same page")
    return Row("list, filtered and sorted", "its own page per filter", made.milliseconds, cached)


def second_language(site: Site) -> Row:
    """The address without a language leads to the visitor's; each language is a page."""
    dora = site.visitor(Accept_Language="de-AT,de;q=0.9")
    promise(dora.get("/").location == "/de/", "a German visitor is not sent to /de/")
    made = expect_stored(dora.get("/de/"), "Am besten bewertet")
    cached = hit_time(dora, "/de/", "Am besten bewertet")
    english = site.visitor(Accept_Language="en")
    promise(english.get("/").location == "/en/", "an English visitor is not sent to /en/")
    expect(english.get(HOME), "hit", "Best rated")
    return Row("front page, German", "miss; then hits; English kept", made.milliseconds, cached)


def promotion(site: Site) -> Row:
    """A declared cookie is part of the page's key."""
    emil, banner = site.visitor(), "Classics month"
    emil.get("/en/offers/classics/")
    made = expect_stored(emil.get(HOME), banner)
    cached = hit_time(emil, HOME, banner)
    expect(site.visitor().get(HOME), "hit", without=banner)
    return Row("front page with a banner", "own page by cookie", made.milliseconds, cached)


def search(site: Site) -> Row:
    """The search page repeats its whole address, so every query is a page of its own."""
    fay = site.visitor()
    path = "/en/search/?q=coppola"
    made = expect_stored(fay.get(path), "Apocalypse Now")
    cached = hit_time(fay, path, "Apocalypse Now")
    tagged = f"{path}&utm_source=letter"
    expect_stored(fay.get(tagged), "utm_source=letter")
    expect(fay.get(path), "hit", without="utm_source")
    return Row("search", "keyed by the whole query", made.milliseconds, cached)


def json_api(site: Site) -> Row:
    """JSON is a page like any other."""
    program = site.visitor()
    path = "/api/films/the-godfather/"
    made = expect_stored(program.get(path))
    promise(json.loads(made.body)["title"] == "The Godfather", "the API names another film")
    cached = hit_time(program, path)
    return Row("JSON API", "miss, stored; then hits", made.milliseconds, cached)


def logged_in(site: Site) -> Row:
    """Who is logged in gets the same stored page as strangers, with their own name in it."""
    anna, member, hello = site.visitor(), site.member("visitor"), "Hello visitor"
    made = expect_stored(member.get(FILM), hello)
    expect(anna.get(FILM), "hit", "Log in", without=hello)
    expect(site.member("admin").get(FILM), "hit", "Hello admin", without=hello)
    cached = hit_time(member, FILM, hello)
    expect(anna.get(FILM), "hit", "Log in", without=hello)
    return Row("film page, logged in", "everybody's page, own name", made.milliseconds, cached)


def private_page(site: Site) -> Row:
    """A watch list is its owner's alone; the button that fills it is on a page that everybody shares."""
    member, path = site.member("visitor"), "/en/account/watch-list/"
    film, told = "/en/films/pulp-fiction/", "“Pulp Fiction” is on your watch list now."
    expect_stored(site.visitor().get(film))
    pressed = member.press(expect(member.get(film), "hit"), f"{film}watch/")
    own = expect_private(member.follow(pressed), told)
    again = expect_private(member.get(path), "Pulp Fiction")
    promise(not again.shows(told), "a message is shown twice")
    stranger = site.visitor().get(path)
    promise("/login/" in stranger.location, "a stranger is not sent to the login page")
    return Row("watch list", "private: not stored; strangers log in", own.milliseconds, None)


def review(site: Site) -> Row:
    """A review shows at once, and pages without reviews stay hits."""
    anna, member, told = site.visitor(), site.member("admin"), "Your review is published."
    anna.get(FILM)
    expect_stored(anna.get(f"{LIST}?sort=votes"))
    sent = member.submit(f"{FILM}review/", stars="4", text="Seen again in a demo.")
    promise(sent.location == FILM, f"the review was not accepted: status {sent.status}")
    expect_private(member.follow(sent), told)
    made = expect_stored(anna.get(FILM), "Seen again in a demo.", without=told)
    cached = hit_time(anna, FILM, "Seen again in a demo.")
    expect(anna.get(f"{LIST}?sort=votes"), "hit")
    return Row("film page after a review", "new text; lists still hit", made.milliseconds, cached)


def contact_form(site: Site) -> Row:
    """Somebody who was never here can send the form of a stored page, with a token that nobody else has."""
    path = "/en/contact/"
    made = expect_stored(site.visitor().get(path), "Contact")
    gina, other = site.visitor(), site.visitor()
    mine, theirs = (expect(one.get(path), "hit", "Contact") for one in (gina, other))
    cached = hit_time(other, path, "Contact")
    promise(gina.cookies["csrftoken"] != other.cookies["csrftoken"], "two visitors share a token")
    refused = gina.fill_in(theirs, name="Gina", message="Not with another's token.")
    promise(refused.status == 403, f"another's token was answered by {refused.status}")  # noqa: PLR2004
    sent = gina.fill_in(mine, name="Gina", message="It works.")
    promise(sent.location == THANKS, f"the form was answered by {sent.status}")
    return Row("contact form", "hit; the form can be sent", made.milliseconds, cached)


def message(site: Site) -> Row:
    """A message is shown once, to the one it is for; everybody else shares the page."""
    hugo, told = site.visitor(), "Your message has arrived."
    sent = hugo.submit("/en/contact/", name="Hugo", message="It works again.")
    own = expect_private(hugo.follow(sent), told)
    expect_stored(site.visitor().get(THANKS), "Thank you", without=told)
    expect(hugo.get(THANKS), "hit", without=told)
    cached = hit_time(hugo, THANKS, "Thank you")
    return Row("page with a message", "shown once; others share it", own.milliseconds, cached)


def admin_edit(site: Site) -> Row:
    """An edit in the admin shows at once; the pages of other films, and of none, stay hits."""
    anna, note = site.visitor(), "Restored in 4K this year."
    unrelated = ("/en/films/pulp-fiction/", THANKS)
    film = "/en/films/inception/"
    for path in unrelated:
        anna.get(path)
    expect_stored(anna.get(film), "Inception", without=note)
    expect(anna.get(film), "hit")
    admin = site.member("admin")
    saved = admin.submit(admin_address(site), note=note)
    promise(saved.status == 302, f"the admin answered {saved.status} to the edit")  # noqa: PLR2004
    made = expect_stored(anna.get(film), note)
    cached = hit_time(anna, film, note)
    for path in unrelated:
        expect(anna.get(path), "hit")
    return Row("film page after an admin edit", "miss, new text; hits", made.milliseconds, cached)


def admin_address(site: Site) -> str:
    """Where the admin edits the film: found the way a person would, by searching for it."""
    admin = site.member("admin")
    page = admin.get("/admin/films/film/?q=inception").body
    _, _, rest = page.partition('href="/admin/films/film/')
    while rest and not rest[0].isdigit():
        _, _, rest = rest.partition('href="/admin/films/film/')
    return f"/admin/films/film/{rest.split('/', 1)[0]}/change/"


def crowd(site: Site) -> Row:
    """Three hundred people look at five pages, and each page is made once."""
    renders: list[float] = []
    hits: list[float] = []
    for number in range(CROWD):
        somebody = site.visitor(
            {"_ga": f"GA1.1.{number}", "_gid": f"GA1.2.{number}"}, User_Agent=f"Browser/{number}"
        )
        for path in CROWD_PAGES:
            visit = somebody.get(f"{path}?utm_source=s{number}&fbclid=Iw{number}")
            (hits if visit.outcome.kind == "hit" else renders).append(visit.milliseconds)
        somebody.leave()
    promise(
        len(renders) <= len(CROWD_PAGES), f"{len(renders)} renders for {len(CROWD_PAGES)} pages"
    )
    happened = f"{len(renders)} renders, {len(hits)} hits"
    return Row(f"{CROWD} visitors, {len(CROWD_PAGES)} pages", happened, mean(renders), mean(hits))


STORY: tuple[Callable[[Site], Row], ...] = (
    front_page,
    another_visitor,
    filtered_list,
    second_language,
    promotion,
    search,
    json_api,
    logged_in,
    private_page,
    review,
    contact_form,
    message,
    admin_edit,
    crowd,
)
