"""Tests of best responses, exploitability and equilibria."""
