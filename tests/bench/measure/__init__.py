"""The figures of the instrument that measures downtime, each beside its goal."""
