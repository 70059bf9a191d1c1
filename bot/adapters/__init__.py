"""The doors to the outside: one module for each outside system."""
