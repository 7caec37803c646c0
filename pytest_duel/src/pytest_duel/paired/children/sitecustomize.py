"""Start a process of the code under test: what an editable install offers is set aside.

Python loads a module of this name when it starts. Then it loads the one that it would have loaded.
"""

import os
import sys

sys.path.remove(__file__.rpartition(os.sep)[0])
del sys.modules[__name__]
try:
    from pytest_duel.paired import finders
except ImportError:  # an interpreter that has its own modules
    pass
else:
    finders.set_aside(os.environ.get(finders.MODULES, "").split(","))
__import__(__name__)
