"""Which of two arms is faster."""
