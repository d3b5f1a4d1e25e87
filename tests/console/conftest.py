"""A stage for the console, and the console on its ledger."""

from console_world import console, looking
from target_runs import stage

__all__ = ["console", "looking", "stage"]
