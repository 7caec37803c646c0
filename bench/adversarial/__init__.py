"""Inputs on which backends must agree and may not: markets, orders, batches, steps, bad input."""
