"""Start a process of the code under test: it imports what its worker imports.

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
    finders.do_as_told()
__import__(__name__)
