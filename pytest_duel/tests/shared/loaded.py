"""Arguments that have a pytest of its own process load the plugin, where it is not installed."""

from importlib.metadata import entry_points

INSTALLED = any(one.name == "duel" for one in entry_points(group="pytest11"))
LOADED = () if INSTALLED else ("-p", "pytest_duel.plugin.entry")
