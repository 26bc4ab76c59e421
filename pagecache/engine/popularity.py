"""How often a page was asked for lately: whoever asks once for each of a million pages must not fill the cache."""

SECONDS = 600.0  # requests within that time count together; those within twice that may
ROWS, BITS = 4, 16  # of the sketch: each page has one place in each row
WIDTH = 1 << BITS
FULL = 255  # more are not told apart
PAGES = WIDTH // 4  # of one span; with more they would meet in all rows


class Span:
    """How often pages were asked for within some time: a count-min sketch, in which a count may be too high."""

    __slots__ = ("cells", "pages", "until")

    def __init__(self, until: float) -> None:
        self.cells = bytearray(ROWS * WIDTH)
        self.pages = 0
        self.until = until  # by the monotonic clock

    def count(self, places: tuple[int, ...]) -> int:
        """Return how often a page was asked for, at most."""
        return min(self.cells[place] for place in places)

    def note(self, places: tuple[int, ...]) -> None:
        """Count one request; only what is lowest of a page grows, so that pages that meet here differ for longer."""
        least = self.count(places)
        self.pages += not least
        for place in places if least < FULL else ():
            if self.cells[place] == least:
                self.cells[place] = least + 1


class Popularity:
    """How often this process was asked for each page lately, in half a megabyte, however many there are.

    That is two spans, the one that runs and the one before. A span ends after its time, or when it knows so many pages
    that it could not tell more apart. What threads count at once may be lost.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._spans: tuple[Span, ...] = ()

    def note(self, page: str, now: float) -> None:
        """Count one request for a page; `now` is by the monotonic clock."""
        self._current(now).note(_places(page))

    def count(self, page: str, now: float) -> int:
        """Return how often a page was asked for, those of this moment among them."""
        self._current(now)
        places = _places(page)
        return sum(span.count(places) for span in self._spans)

    def clear(self) -> None:
        """Forget all."""
        self._spans = ()

    def _current(self, now: float) -> Span:
        spans = self._spans
        if spans and spans[-1].until > now and spans[-1].pages < PAGES:
            return spans[-1]
        begun = Span(now + self._seconds)
        self._spans = (*(span for span in spans[-1:] if span.until + self._seconds > now), begun)
        return begun


def _places(page: str) -> tuple[int, ...]:
    """Return where a page is counted: one place in each row; by Python's own hash, which no client can foresee."""
    bits = hash(page)
    return tuple(row * WIDTH + (bits >> row * BITS & WIDTH - 1) for row in range(ROWS))
