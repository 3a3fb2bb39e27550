"""Kernels as other programs write them, each format a function from text to kernels."""
