"""How well generators bid: best responses, exploitability and equilibria, exact on a grid.

Nothing is learnt here. What is computed is what a learner can be held against: by how much agents
could still gain, and what they do where none of them can. `docs/learning.md` says why an answer of
one hour at a time is exact. It needs Gymnasium (the extra `envs`), as the environments do.
"""

from easy_marl.learning.episodes import Episodes
from easy_marl.learning.equilibria import Equilibrium, equilibrium
from easy_marl.learning.grid import action_grid
from easy_marl.learning.policies import Policies
from easy_marl.learning.responses import (
    BestResponse,
    Exploitability,
    best_response,
    exploitability,
)

__all__ = [
    "BestResponse",
    "Episodes",
    "Equilibrium",
    "Exploitability",
    "Policies",
    "action_grid",
    "best_response",
    "equilibrium",
    "exploitability",
]
