"""What the tests share."""

EXPECTED = 499500
