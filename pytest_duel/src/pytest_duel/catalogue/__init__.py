"""The words of a sweep, and what a project's catalogue and source tree tell of its benchmarks."""
