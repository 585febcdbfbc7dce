"""A process of a team, which speaks through the pipe that was opened for it."""

from __future__ import annotations

import sys

from hallpulse.companion import connection_of

from .processes import serve

if __name__ == "__main__":
    serve(connection_of(sys.argv))
