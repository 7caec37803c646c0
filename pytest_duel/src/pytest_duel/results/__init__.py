"""Saved runs: read, stored, indexed, and put in short."""
