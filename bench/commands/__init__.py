"""The project's own commands, one module each, as `pytest_duel.cli.main.Program` has it."""
