"""Start a process of the code under test: it imports what its worker imports.

Python loads a module of this name when it starts. Then it loads the one that it would have loaded.

Any interpreter may come by here, also one that does not have this harness. So what is to be done
is read from its file, and what goes wrong stops no process.
"""

import _frozen_importlib_external as external
import os
import sys


def start() -> None:
    """Do what the worker has asked for."""
    home = __file__.rpartition(os.sep)[0]
    sys.path.remove(home)
    module = type(sys)("pytest_duel.paired.finders")
    module.__file__ = home.rpartition(os.sep)[0] + os.sep + "finders.py"
    external.SourceFileLoader(module.__name__, module.__file__).exec_module(module)
    module.do_as_told()


del sys.modules[__name__]
try:  # noqa: SIM105  contextlib is not loaded
    start()
except Exception:  # noqa: S110  it is no business of the process
    pass
__import__(__name__)
