"""A process of a team, which speaks through the pipe that was opened for it."""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from .processes import serve

if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
