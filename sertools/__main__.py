"""Run the command line with ``python -m sertools``."""

import sys

from sertools.cli import main

if __name__ == "__main__":
    sys.exit(main())
