"""`python -m inference.engine`."""

import sys

from inference.engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
