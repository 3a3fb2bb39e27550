"""Timings against other libraries, side by side in one process; see kernels.py."""
