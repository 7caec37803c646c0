"""Looking for what disturbs measurements on a machine."""
