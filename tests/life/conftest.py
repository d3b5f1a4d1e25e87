"""A stage for every test of a task's whole life."""

from target_runs import stage

__all__ = ["stage"]
