"""The pytest side: `entry` is loaded in every project, `sweep` where a project asks for it."""
