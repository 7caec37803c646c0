"""The harness's commands, one module each.

A module has ``add(commands)``, which declares its parser and sets ``run``: options → `Exit`.
"""
