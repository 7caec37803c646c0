"""Have all agents learn, and tell how well they bid: best responses, exploitability, equilibria.

`train` needs TorchRL (the extra `learn`). The rest learns nothing: it computes what learners can
be held against, by how much agents could still gain, and what they do where none of them can,
exact on a grid. `docs/learning.md` says why an answer of one hour at a time is exact. It needs
Gymnasium (the extra `envs`), as the environments do.
"""

from easy_marl.learning.episodes import Episodes
from easy_marl.learning.equilibria import Equilibrium, equilibrium
from easy_marl.learning.evaluation import Evaluation
from easy_marl.learning.grid import action_grid
from easy_marl.learning.policies import Policies
from easy_marl.learning.responses import (
    BestResponse,
    Exploitability,
    best_response,
    exploitability,
)
from easy_marl.learning.schedules import SCHEDULES
from easy_marl.learning.settings import PPO
from easy_marl.learning.training import Training, train

__all__ = [
    "PPO",
    "SCHEDULES",
    "BestResponse",
    "Episodes",
    "Equilibrium",
    "Evaluation",
    "Exploitability",
    "Policies",
    "Training",
    "action_grid",
    "best_response",
    "equilibrium",
    "exploitability",
    "train",
]
