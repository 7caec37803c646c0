"""What any command concludes, as plain data."""
