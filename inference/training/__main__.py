"""`python -m inference.training`; the steps are in cli.py."""

import sys

from inference.training.cli import main

sys.exit(main())
