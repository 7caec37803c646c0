"""Real fleets of generating units, each with its demand series.

`load` reads what the package ships. `python -m easy_marl.fleets.derive` derives those files
again from their source; ATTRIBUTION.md says where they come from and under which licence.
"""

from easy_marl.fleets.fleet import Fleet, load, names

__all__ = ["Fleet", "load", "names"]
