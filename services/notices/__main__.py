"""Run the service of notices: `python -m services.notices`."""

import os
import sys
import warnings

# Before all other imports, because the framework needs eventlet's sockets and threads in place of Python's.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

import eventlet  # noqa: E402

eventlet.monkey_patch()

from services.hosting import run  # noqa: E402
from services.notices.service import FAULTS, NAME, build  # noqa: E402

if __name__ == "__main__":
    sys.exit(run(NAME, os.environ, build, *FAULTS))
