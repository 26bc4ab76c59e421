"""An API over groups: open to readers, written to with a token or a session."""
