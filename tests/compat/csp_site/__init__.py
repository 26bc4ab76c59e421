"""Pages with scripts that a Content-Security-Policy lets in by a nonce, and pages without."""
