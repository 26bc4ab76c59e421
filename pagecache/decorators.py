"""What a view says about its page: decorators around it, and calls while it is made.

Where the middleware is at work these state a policy that it follows, so that a page is stored once, in the outermost
place. Without it `cache_page` runs the same flow around the view, and goes by what the view used, since the session
and CSRF middleware speak only later.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.db.models import Min, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from pagecache import options
from pagecache.bridge import outside, routes
from pagecache.bridge.asked import DjangoAsked
from pagecache.bridge.visit import DjangoVisit
from pagecache.core.reasons import Reason
from pagecache.core.types import Policy, Route, Segment
from pagecache.engine.drive import adrive, drive
from pagecache.engine.flow import page, resume
from pagecache.recording import handlers
from pagecache.recording.recorder import listener, recorder
from pagecache.tags import Target, tags_of

View = TypeVar("View", bound=Callable[..., Any])


def cache_page(  # noqa: PLR0913 each says one thing about the page
    timeout: float | None,
    *,
    cache: str | None = None,
    key_prefix: str | None = None,
    tags: Sequence[str] = (),
    downstream: int | None = None,
    min_hits: int | None = None,
    min_cost: float | None = None,
) -> Callable[[View], View]:
    """Keep the view's pages for `timeout` seconds: None for no limit, 0 for not at all.

    Takes what Django's own `cache_page` takes: `cache` is the alias that holds the pages, `key_prefix` keeps them
    apart from others. `tags` are names to `invalidate` them by. `downstream` is for how many seconds browsers and
    CDNs may reuse a copy, which cannot be called back: by default they ask each time, and get a 304. `min_hits` and
    `min_cost` (seconds) take the place of the settings `MIN_HITS` and `MIN_COST`.
    Raises ValueError for a timeout that is not of this form, TypeError for other arguments of another type.
    """
    if not options.is_seconds(timeout):
        raise ValueError(f"cache_page() takes {options.MUST_BE_SECONDS}, not {timeout!r}.")
    if not options.is_names(tags):
        raise TypeError(f"cache_page(tags=...) takes a list of strings, not {tags!r}.")
    if downstream is not None and not options.is_count(downstream):
        raise TypeError(
            f"cache_page(downstream=...) takes whole seconds or None, not {downstream!r}."
        )
    if min_hits is not None and not options.is_hits(min_hits):
        raise TypeError(f"cache_page(min_hits=...) takes {options.MUST_BE_HITS}, not {min_hits!r}.")
    if min_cost is not None and not options.is_duration(min_cost):
        raise TypeError(
            f"cache_page(min_cost=...) takes a number of seconds, 0 or more, or None, not {min_cost!r}."
        )
    for name, text in (("cache", cache), ("key_prefix", key_prefix)):
        if text is not None and not isinstance(text, str):
            raise TypeError(f"cache_page({name}=...) takes a string or None, not {text!r}.")
    return _stating(
        timeout=timeout,
        cache=cache,
        key_prefix=key_prefix,
        tags=tuple(tags),
        downstream=downstream,
        min_hits=min_hits,
        min_cost=min_cost,
        marked=True,
    )


def cache_exempt(view: View) -> View:
    """Never store the view's pages."""
    return _stating(exempt=True)(view)


def segment_by(function: Segment) -> Callable[[View], View]:
    """Share the view's pages within the classes of visitors that a function `request -> str | None` names.

    What the function sets on the request is taken off again, and lazy attributes that it used are found anew for the
    view, so that the view's use of them is recorded. What it keeps elsewhere (on the user, say) the view must not show.
    Raises TypeError for what is no function.
    """
    if not callable(function):
        raise TypeError(f"segment_by() takes a function of a request, not {function!r}.")
    return _stating(segment=function)


def _stating(**stated: Any) -> Callable[[View], View]:
    def decorate(view: Any) -> Any:
        policy = replace(routes.policy_of(view), **stated)

        around: Any = None

        @wraps(view)
        async def on_loop(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            visit = _arrive(request, policy, around)
            if visit is None:
                return await view(request, *args, **kwargs)
            with visit.classified():
                response = await adrive(page(visit), partial(view, request, *args, **kwargs))
            return _later(visit, response)

        @wraps(view)
        def on_thread(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            visit = _arrive(request, policy, around)
            if visit is None:
                return view(request, *args, **kwargs)
            with visit.classified():
                response = drive(page(visit), partial(view, request, *args, **kwargs))
            return _later(visit, response)

        around = on_loop if _is_async(view) else on_thread
        around.pagecache_policy = policy
        return around

    return decorate


def _is_async(view: Any) -> bool:
    """Whether a view is to be awaited: also the `dispatch` of a class with async methods, in `method_decorator`."""
    bound_to = getattr(getattr(view, "func", view), "__self__", None)
    return iscoroutinefunction(view) or getattr(bound_to, "view_is_async", False)


def arrive(request: HttpRequest) -> DjangoVisit | None:
    """Return the visit that the decorator around a request's view makes without the middleware, if there is one."""
    view: Any = getattr(request.resolver_match, "func", None)
    own = outside.decorator_of(view)
    return _arrive(request, routes.policy_of(view), own)


def _arrive(request: HttpRequest, policy: Policy, own: Any) -> DjangoVisit | None:
    """Return the visit of a request that the middleware does not look after; else state the policy to it."""
    render = recorder()
    if render is not None:
        render.policy = render.policy or policy
        if policy.exempt:
            render.refuse(Reason.EXEMPT)
        return None
    if not policy.marked:
        return None
    asked = DjangoAsked(request, derives_language=False)
    asked.route = _route(request, policy, own)
    visit = DjangoVisit(request, asked, outside=settings.MIDDLEWARE, behind_middleware=True)
    visit.recorder.policy = policy  # it holds what decorators further in state
    return visit


def _route(request: HttpRequest, policy: Policy, own: Any) -> Route:
    match = getattr(request, "resolver_match", None)
    if match is None:
        return Route(Reason.UNRESOLVED)
    middleware = [path for path in settings.MIDDLEWARE if not routes.leads_to(path, routes.OURS)]
    is_known = (
        handlers.goes_by_urlconf()
        and outside.is_unseen(request)
        and outside.is_plain_route(match)
        and outside.is_known(match.func, own)
    )
    if routes.unknown_outside(middleware) or not is_known:
        return Route(Reason.OUTSIDE)
    judged = routes.judge(request.path_info, match)
    reason = None if judged.reason is Reason.UNMARKED else judged.reason
    stated = replace(policy, tags=tuple(dict.fromkeys((*policy.tags, *judged.policy.tags))))
    return replace(judged, reason=reason, policy=stated, segment=policy.segment or judged.segment)


def _later(visit: DjangoVisit, response: Any) -> Any:
    """Decide about a page after it was made, where its template is rendered later."""
    if visit.awaits(response):
        response.render = partial(_rendered, visit, response, response.render)
    return response


def _rendered(visit: DjangoVisit, response: Any, render: Callable[[], Any]) -> Any:
    del response.render
    return drive(resume(visit), render)


def depends_on(*targets: Target) -> None:
    """Drop the page that is being made when a target is invalidated: a tag, a model class or a model instance.

    Without effect where no page is made. Raises TypeError for what is no target.
    """
    tags = tags_of(targets)
    if (render := listener()) is not None:
        render.depend(tags)


def expire_at(when: datetime | None) -> None:
    """End the page that is being made at a time; the earliest wins. A naive time is in the current time zone.

    None says that no time ends it, also where it asked the database for the present moment.
    """
    if (render := listener()) is None:
        return
    if when is not None and timezone.is_naive(when):
        when = timezone.make_aware(when)
    render.expire(math.inf if when is None else when.timestamp())


def expire_in(delta: timedelta | float) -> None:
    """End the page that is being made after a time (a number counts as seconds); the earliest wins."""
    expire_at(
        timezone.now() + (delta if isinstance(delta, timedelta) else timedelta(seconds=delta))
    )


def next_change(queryset: QuerySet[Any], *fields: str) -> datetime | None:
    """Return the next moment at which one of some fields of date and time is reached, None if there is none.

    For pages that show what was "published before now": `expire_at(next_change(Article.objects.all(), "published",
    "withdrawn"))` ends them when the next article is due, or the next one is withdrawn.
    """
    now = timezone.now()
    due = queryset.order_by().aggregate(
        **{f"due_{name}": Min(name, filter=Q(**{f"{name}__gt": now})) for name in fields}
    )
    return min((when for when in due.values() if when is not None), default=None)
