"""The base of all packages: files, child processes, git, the system, exit codes."""
