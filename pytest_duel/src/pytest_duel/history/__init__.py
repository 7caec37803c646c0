"""The times of saved runs over commits, and where they changed."""
