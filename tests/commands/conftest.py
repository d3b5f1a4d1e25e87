"""A stage for the commands that settle what the target left."""

from target_runs import stage

__all__ = ["stage"]
