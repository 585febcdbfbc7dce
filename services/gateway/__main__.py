"""Run the gateway: `python -m services.gateway`."""

import os
import sys

from services.gateway.run import run

if __name__ == "__main__":
    sys.exit(run(os.environ))
