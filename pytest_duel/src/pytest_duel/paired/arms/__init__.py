"""The code on one side of a measurement: a source tree of a revision, and how it is installed."""
