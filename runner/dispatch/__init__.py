"""Who runs what next: a state machine without clock, I/O or tasks, told what happened and asked what to do.

``dispatcher`` takes what happened and asks the others in turn; ``floor`` is the state they share. ``window`` tops a lane
up (``batch``, where its worker ends after that; ``pick`` takes the next row; ``unequal`` leaves it to a faster host), ``overrun``
takes back what waits behind a slow test, ``sharing`` finds work for idle lanes, ``moving`` sends workers away, ``outlook`` says
why and how long. Below: ``handout`` (what comes first, who owns which group), ``backlog`` (what waits), ``units`` (in groups and
pools), ``shelf`` (in which order), ``holding`` (what a lane has), ``ledger`` (where each row is), ``estimate`` (how long it takes,
how fast a host is), ``alike`` (how fast where nothing was timed before); ``learning`` tells them.
"""

from .dispatcher import Dispatcher

__all__ = ["Dispatcher"]
