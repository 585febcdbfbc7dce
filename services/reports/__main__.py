"""Run the reports service: `python -m services.reports`."""

import os
import sys
import warnings

# Before anything else is imported: the framework needs eventlet's sockets and threads in place of Python's.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

import eventlet  # noqa: E402

eventlet.monkey_patch()

from services.hosting import run  # noqa: E402
from services.reports.service import NAME, build  # noqa: E402

if __name__ == "__main__":
    sys.exit(run(NAME, os.environ, build))
