"""What changed between saved runs."""
