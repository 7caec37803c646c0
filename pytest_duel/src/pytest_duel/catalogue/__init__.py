"""Kernels, backends, scenarios and cases, and the project that they belong to."""
