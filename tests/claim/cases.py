"""Cases: a random site, and random visitors who ask it one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tests.claim.sites import Site, set_up
from tests.claim.visitors import Visitor, beside, described, drawn
from tests.lanes import MEMORY


@dataclass(frozen=True)
class Case:
    """A site and who asks it, one after the other."""

    seed: str
    site: Site
    visits: tuple[Visitor, ...]

    def __str__(self) -> str:
        visits = "\n".join(f"  {at}. {described(who)}" for at, who in enumerate(self.visits))
        return f"seed {self.seed}: {self.site}\nvisits:\n{visits}"


def case(seed: object, number: int, stores: tuple[str, ...] = (MEMORY,)) -> Case:
    """Return one of the cases of a seed, whichever others are made.

    Everybody differs from somebody who came before in a dimension or two, and most come more than once.
    """
    dice = random.Random(f"{seed}/{number}")
    site = set_up(dice, stores)
    about = site.program.about
    known = [drawn(dice, about)]
    visits = known * 2
    for _ in range(dice.randint(2, 4)):
        known.append(beside(dice, dice.choice(known), about))
        visits += [known[-1], *dice.choices(known, k=2)]
    if site.program.shows_what_it_hides:
        visits = [{**visitor, "header:Accept-Encoding": None} for visitor in visits]
    return Case(f"{seed}/{number}", site, tuple(visits))


class Cases:
    """All cases of a seed, each made once."""

    def __init__(self, seed: object) -> None:
        self._seed = seed
        self._made: list[Case] = []

    def __iter__(self) -> Iterator[Case]:
        for number in count():
            if number == len(self._made):
                self._made.append(case(self._seed, number))
            yield self._made[number]
