"""Warnings that pytest records: each place's once, and not too many; and files that it skips, each reason once."""

MOST = 200
"""Warnings that one process tells of."""
NAMED = 3
"""Files that are skipped for the same reason and named."""


class Warnings:
    """Which of them one process has told."""

    def __init__(self):
        self._seen = set()
        self._kept = []
        self._skipped = {}

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

    def skip(self, nodeid, reason):
        """Keep what was skipped while it was collected; ``reason`` as pytest has it."""
        kind, colon, rest = reason.partition(": ")
        if colon and kind in ("Skipped", "unittest.case.SkipTest"):
            reason = rest
        self._skipped.setdefault(" ".join(reason.split()), []).append(nodeid)

    def skipped(self):
        """Return what is to be said of what was skipped."""
        texts = []
        for reason, names in self._skipped.items():
            who = ", ".join(names[:NAMED])
            if len(names) > NAMED:
                who += " and %d more" % (len(names) - NAMED)
            texts.append("%s %s skipped: %s" % (who, "is" if len(names) == 1 else "are", reason))
        return texts
