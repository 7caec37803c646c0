"""The tables and figures of the docs, from the runs in the repository."""
