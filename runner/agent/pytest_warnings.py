"""Warnings that pytest records: each place's once, and not too many."""

MOST = 200
"""Warnings that one process tells of."""


class Warnings:
    """Which of them one process has told."""

    def __init__(self):
        self._seen = set()
        self._kept = []

    def news(self, message):
        """Return the text of a ``warnings.WarningMessage``; empty if its place was told, or too many were."""
        key = message.category, message.filename, message.lineno
        if key in self._seen or len(self._seen) >= MOST:
            return ""
        self._seen.add(key)
        category = getattr(message.category, "__name__", "Warning")
        return "%s:%d: %s: %s" % (message.filename, message.lineno, category, message.message)

    def keep(self, nodeid, text):
        """Keep one that came in a warm image, for each loader that is forked from it to tell."""
        self._kept.append((nodeid, text))

    def take(self):
        """Return what is kept, (nodeid or None, text) each, and forget it."""
        kept, self._kept = self._kept, []
        return kept
