"""What every other package builds on: files, child processes, git, the system, exit codes."""
