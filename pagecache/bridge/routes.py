"""What holds for every request of one path: found by resolving it once, and remembered."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.dispatch import receiver
from django.urls import ResolverMatch, resolve
from django.utils.module_loading import import_string

from pagecache import conf
from pagecache.core.reasons import Reason
from pagecache.core.types import Policy, Resolved, Route, remember
from pagecache.core.urls import matches_any
from pagecache.events import settings_reloaded
from pagecache.news import Noted
from pagecache.recording.ambient import speaking
from pagecache.recording.stock import KNOWN_OUTSIDE

MOST = 10_000
OURS = "pagecache.middleware.PageCacheMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
ACCESS_MIXIN = "django.contrib.auth.mixins.AccessMixin"
SENSITIVE_MODULES = ("django.contrib.auth.views", "django.contrib.admin")
NO_POLICY = Policy()

# What is known of paths, of a URLconf, while a language is active; for others to look at.
remembered: Noted[tuple[str, str | None, str], Route] = Noted()


def policy_of(view: Callable[..., Any]) -> Policy:
    """Return what the decorators of a view stated."""
    return getattr(view, "pagecache_policy", NO_POLICY)


def route(path: str, urlconf: Any, language: str | None) -> Route:
    """Return what holds for a path as Django routes it (without script name) while a language is active."""
    if not isinstance(urlconf, str):
        return _find(path, urlconf, language)
    known = remembered.get((urlconf, language, path))
    if known is None:
        known = _find(path, urlconf, language)
        if known.reason is not Reason.UNRESOLVED:  # anybody can make those up
            remember(remembered, (urlconf, language, path), known, MOST)
    return known


def reflects(known: Route, stated: Policy) -> bool:
    """Whether a route holds what a decorator stated; the tags of a rule may come on top."""
    return replace(known.policy, tags=()) == replace(stated, tags=()) and set(stated.tags) <= set(
        known.policy.tags
    )


def state(path: str, urlconf: Any, language: str | None, stated: Policy) -> None:
    """Remember what a decorator stated that cannot be seen from outside the view."""
    if not isinstance(urlconf, str):
        return
    known = route(path, urlconf, language)
    tags = tuple(dict.fromkeys((*stated.tags, *known.policy.tags)))
    made = replace(
        known,
        reason=known.reason or (Reason.EXEMPT if stated.exempt else None),
        policy=replace(stated, tags=tags),
        segment=stated.segment or known.segment,
    )
    remember(remembered, (urlconf, language, path), made, MOST)


def _find(path: str, urlconf: Any, language: str | None) -> Route:
    try:
        with nullcontext() if language is None else speaking(language):
            match = resolve(path, urlconf)
    except Exception:  # noqa: BLE001 Http404, and whatever a converter raises
        return Route(Reason.UNRESOLVED)
    return judge(path, match)


def judge(path: str, match: ResolverMatch) -> Route:
    """Return what the settings and the view's decorators say about a path and the view that answers it."""
    view = resolved(match)
    config = conf.get()
    rule = next((rule for rule in config.rules if rule.matches(path, view)), None)
    policy = view.policy
    if rule is not None:
        policy = replace(policy, tags=(*policy.tags, *rule.policy.tags))
    segment = policy.segment
    if segment is None and rule is not None:
        segment = rule.segment
    own = NO_POLICY if rule is None else rule.policy
    return Route(_reason(path, view), policy, segment, own, _called(match))


def confirmed(known: Route, path: str, match: ResolverMatch) -> Route:
    """Return what is said about a path and the view that answers it: what is known, if that was said of this view."""
    return known if known.judged == _called(match) else judge(path, match)


def _called(match: ResolverMatch) -> tuple[object, ...]:
    return match.func, match.view_name, match.namespaces, match.app_names


def _reason(path: str, view: Resolved) -> Reason | None:
    config = conf.get()
    answers = (
        (matches_any(config.exclude, path, view), Reason.EXCLUDED),
        (config.include and not matches_any(config.include, path, view), Reason.EXCLUDED),
        (view.policy.exempt, Reason.EXEMPT),
        (view.sensitive, Reason.SENSITIVE_VIEW),
        (config.options.MODE == "decorated" and not view.policy.marked, Reason.UNMARKED),
    )
    return next((reason for applies, reason in answers if applies), None)


def resolved(match: ResolverMatch) -> Resolved:
    """Return a view as rules and patterns see it."""
    return Resolved(
        name=match.view_name,
        namespaces=tuple(match.namespaces),
        app_names=tuple(match.app_names),
        sensitive=_is_sensitive(match),
        policy=policy_of(match.func),
    )


def _is_sensitive(match: ResolverMatch) -> bool:
    if "admin" in match.app_names:
        return True
    if _login_is_required(tuple(settings.MIDDLEWARE)) and getattr(
        match.func, "login_required", True
    ):
        return True
    return any(map(_guards_itself, _layers(match.func)))


@lru_cache(8)
def _login_is_required(middleware: tuple[str, ...]) -> bool:
    """Whether LoginRequiredMiddleware, or a class derived from it, is among some middleware."""
    return any(leads_to(path, LOGIN_REQUIRED) for path in middleware)


def leads_to(path: str, wanted: str) -> bool:
    """Whether a path in `MIDDLEWARE` leads to a class, or to one derived from it."""
    try:
        bases = getattr(import_string(path), "__mro__", ())
    except ImportError:  # Django says so itself
        return False
    return any(dotted(base) == wanted for base in bases)


@lru_cache(8)
def hears_errors(middleware: tuple[str, ...]) -> bool:
    """Whether one of some middleware hears of what views raise, and may answer for it."""
    return any(hasattr(import_string(path), "process_exception") for path in middleware)


def is_ours(path: str) -> bool:
    """Whether a path in `MIDDLEWARE` leads to pagecache's own class, and not to one derived from it."""
    try:
        found = import_string(path)
    except ImportError:  # Django says so itself
        return False
    return isinstance(found, type) and dotted(found) == OURS


def dotted(cls: type) -> str:
    """Return the dotted path of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _layers(view: Any) -> Iterator[Any]:
    """Yield a view, what it wraps, and the classes behind it."""
    for layer in wrapped(view):
        yield layer
        yield from getattr(getattr(layer, "view_class", None), "__mro__", ())


def wrapped(view: Any) -> Iterator[Any]:
    """Yield a view, what it wraps, and so on; one that wraps itself ends there."""
    seen: list[Any] = []
    while view is not None and not any(view is one for one in seen):
        yield view
        seen.append(view)
        view = getattr(view, "__wrapped__", None)


def _guards_itself(layer: Any) -> bool:
    """Whether a view turns visitors away, or handles passwords: `login_required` and the like leave `login_url`."""
    module = getattr(layer, "__module__", None) or ""
    if module.startswith(SENSITIVE_MODULES):
        return True
    return dotted(layer) == ACCESS_MIXIN if isinstance(layer, type) else hasattr(layer, "login_url")


def unknown_outside(middleware: Iterable[str]) -> list[str]:
    """Return those of some middleware that are neither understood nor named in `OUTSIDE` or `OBSERVERS`."""
    options = conf.get().options
    declared = {*options.OUTSIDE, *options.OBSERVERS}
    return [path for path in middleware if path not in declared and path not in KNOWN_OUTSIDE]


@receiver(settings_reloaded)
def forget(**_kwargs: Any) -> None:
    """Forget what this process remembers of paths."""
    remembered.clear()
