"""A stage for every test of the target."""

from target_runs import stage

__all__ = ["stage"]
