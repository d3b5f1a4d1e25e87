"""A stage for what is asked of the ledger afterwards."""

from target_runs import stage

__all__ = ["stage"]
