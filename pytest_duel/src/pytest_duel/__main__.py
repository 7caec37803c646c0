"""``python -m pytest_duel``: the same as the console script."""

import sys

from pytest_duel.cli.main import main

sys.exit(main())
