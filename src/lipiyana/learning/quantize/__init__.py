"""Quantizes models to INT8, compares them with their float twins, and times both on this host."""
