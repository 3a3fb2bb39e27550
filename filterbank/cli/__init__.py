"""The shell: one file per command; words, flags, exit codes and progress, nothing else."""
