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
    """Who is logged in gets pages of their own; the others' pages stay as they are."""
    anna, hello = site.visitor(), "Hello visitor"
    expect_stored(anna.get(FILM), "The Godfather", without=hello)
    member = site.member("visitor")
    own = expect_private(member.get(FILM), hello)
    cached = hit_time(anna, FILM, "Log in")
    expect(anna.get(FILM), "hit", without=hello)
    return Row("film page, logged in", "bypass; others still hit", own.milliseconds, cached)


def private_page(site: Site) -> Row:
    """A watch list is its owner's alone."""
    member, path = site.member("visitor"), "/en/account/watch-list/"
    member.submit("/en/films/pulp-fiction/watch/", csrfmiddlewaretoken=token(member.cookies))
    own = expect_private(member.get(path), "Pulp Fiction")
    expect_private(member.get(path), "Pulp Fiction")
    stranger = site.visitor().get(path)
    promise("/login/" in stranger.location, "a stranger is not sent to the login page")
    return Row("watch list", "private: not stored; strangers log in", own.milliseconds, None)


def token(cookies: dict[str, str]) -> str:
    """The CSRF secret, which Django accepts as the form's token too."""
    return cookies["csrftoken"]


def review(site: Site) -> Row:
    """A review shows at once, and pages without reviews stay hits."""
    anna, member = site.visitor(), site.member("admin")
    anna.get(FILM)
    expect_stored(anna.get(f"{LIST}?sort=votes"))
    sent = member.submit(f"{FILM}review/", stars="4", text="Seen again in a demo.")
    promise(sent.location == FILM, f"the review was not accepted: status {sent.status}")
    made = expect_stored(anna.get(FILM), "Seen again in a demo.")
    cached = hit_time(anna, FILM, "Seen again in a demo.")
    expect(anna.get(f"{LIST}?sort=votes"), "hit")
    return Row("film page after a review", "new text; lists still hit", made.milliseconds, cached)


def contact_form(site: Site) -> Row:
    """Somebody who was never here can send a form; its page belongs to them alone."""
    gina, path = site.visitor(), "/en/contact/"
    own = expect_private(gina.get(path), "Contact")
    other = site.visitor()
    expect_private(other.get(path))
    promise(gina.cookies["csrftoken"] != other.cookies["csrftoken"], "two visitors share a token")
    answer = gina.submit(path, name="Gina", message="It works.")
    promise(gina.follow(answer).shows("Your message has arrived."), "the form did not arrive")
    return Row("contact form", "not stored (CSRF); the form works", own.milliseconds, None)


def admin_edit(site: Site) -> Row:
    """An edit in the admin shows at once; the pages of other films, and of none, stay hits."""
    anna, note = site.visitor(), "Restored in 4K this year."
    unrelated = ("/en/films/pulp-fiction/", "/en/contact/thanks/")
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
    admin_edit,
    crowd,
)
