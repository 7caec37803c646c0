"""Every test that takes `backend` runs on every backend."""

from tests.envs.conftest import backend as backend
