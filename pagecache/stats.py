"""What a process knows of how it does."""

from dataclasses import dataclass

from pagecache.announcing import announcer, site_store


@dataclass(frozen=True, slots=True)
class Health:
    """How a process stands with the cache server; for the site's own health check."""

    can_read: bool  # no look-up failed a moment ago
    can_write: bool  # nothing that was to be stored or announced failed a moment ago
    owes: bool  # a write was not announced yet: until it is, this process neither serves nor stores pages

    @property
    def is_well(self) -> bool:
        """Whether pages are served and stored as they should be."""
        return self.can_read and self.can_write and not self.owes


def health() -> Health:
    """Return what this process knows from its last calls; nothing is asked, so it costs nothing while all is away."""
    store = site_store()
    return Health(store.reading.is_well, store.writing.is_well, bool(announcer.owed))
