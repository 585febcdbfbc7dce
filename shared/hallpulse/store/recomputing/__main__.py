"""A process of a team, which communicates with its parent through the channel that was opened for it."""

from __future__ import annotations

from hallpulse.store.recomputing.comparing import Workplace
from hallpulse.store.recomputing.tasks import Task
from hallpulse.subprocess import parent_channel

from .processes import serve

if __name__ == "__main__":
    serve(parent_channel(Workplace | Task))
