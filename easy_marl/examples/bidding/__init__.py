"""Bidding into an electricity market: the study's import path, and a demonstration."""
