"""The smallest case near a wrong one that is wrong still."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.claim.cases import Case
from tests.claim.programs import Program
from tests.claim.reads import VIEW, Read
from tests.claim.sites import Site
from tests.claim.visitors import ORDINARY


def smallest(case: Case, is_wrong: Callable[[Case], object]) -> Case:
    """Take away from a case what it does not need to be wrong."""
    while (smaller := next(filter(is_wrong, _smaller(case)), None)) is not None:
        case = smaller
    return case


def _smaller(case: Case) -> Iterator[Case]:
    for visits in _without_one(case.visits):
        yield replace(case, visits=visits)
    for site in _plainer_sites(case.site):
        yield replace(case, site=site)
    for at, visitor in enumerate(case.visits):
        for name in [name for name, value in visitor.items() if value != ORDINARY[name]]:
            plainer = {**visitor, name: ORDINARY[name]}
            yield replace(case, visits=(*case.visits[:at], plainer, *case.visits[at + 1 :]))


def _without_one(items: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for at in range(len(items)):
        yield items[:at] + items[at + 1 :]


def _without(items: Mapping[str, Any], left_out: str) -> dict[str, Any]:
    return {name: value for name, value in items.items() if name != left_out}


def _plainer_sites(site: Site) -> Iterator[Site]:
    for program in _plainer_programs(site.program):
        yield replace(site, program=program)
    for left_out in site.django:
        yield replace(site, django=_without(site.django, left_out))
    for left_out in site.pages:
        yield replace(site, pages=_without(site.pages, left_out))
    for fewer in _without_one(site.before):
        yield replace(site, before=fewer)
    for fewer in _without_one(site.behind):
        yield replace(site, behind=fewer)
    yield from _plainer(site, engine="signed_cookies")


def _plainer_programs(program: Program) -> Iterator[Program]:
    for reads in _without_one(program.reads):
        yield replace(program, reads=reads)
    for at, read in enumerate(program.reads):
        for plainer in _plainer_reads(read):
            yield replace(program, reads=(*program.reads[:at], plainer, *program.reads[at + 1 :]))
    form = "coroutine" if program.needs_loop else "function"
    yield from _plainer(program, form=form, status=200, large=False, vary=(), decorated="")


def _plainer_reads(read: Read) -> Iterator[Read]:
    yield from _plainer(read, when=None, via="itself", place=VIEW)


def _plainer(made: Any, **plain: Any) -> Iterator[Any]:
    for name, value in plain.items():
        if getattr(made, name) != value:
            yield replace(made, **{name: value})
