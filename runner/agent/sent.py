"""The ids that a worker was sent and has not begun."""

from collections import deque


class Sent:
    """``queue``: (place, id) in the order in which they run; the place counts all ids that ever came, from 0."""

    def __init__(self, channel):
        self.queue = deque()
        self.ending = False
        """Whether nothing more will come."""
        self._channel = channel
        self._count = 0

    def end(self):
        """Forget what is left, and take nothing more."""
        self.queue.clear()
        self.ending = True

    def obey(self, wait):
        """Obey all commands that are there; with ``wait``, wait for the first. Return whether there was one. Raises Gone."""
        obeyed = False
        while not self.ending:
            message = self._channel.receive(wait and not obeyed)
            if message is None:
                break
            obeyed = True
            word = message.get("op")
            if word == "run":
                ids = message["ids"]
                self.queue.extend(enumerate(ids, self._count))
                self._count += len(ids)
            elif word == "drop":
                self._drop(message["ids"])
            elif word == "shutdown":
                self.ending = True
            else:
                self._channel.event(
                    "warning", text="the worker does not know the command %r" % (word,)
                )
        return obeyed

    def _drop(self, ids):
        # An id may be queued more than once (repeated runs): each mention takes one back, the last first.
        given = []
        places = {}
        for place, test_id in self.queue:
            places.setdefault(test_id, []).append(place)
        gone = set()
        for test_id in ids:
            if places.get(test_id):
                gone.add(places[test_id].pop())
                given.append(test_id)
        if given:
            self.queue = deque(each for each in self.queue if each[0] not in gone)
        self._channel.event("dropped", ids=given)
