"""Compiled routines: arrays and numbers in, ``out`` filled; they know nothing of the house."""
