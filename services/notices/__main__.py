"""`python -m services.notices`."""

import os
import sys

from services.notices.run import run

if __name__ == "__main__":
    sys.exit(run(os.environ))
