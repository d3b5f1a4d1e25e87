"""The engine: order, the ledger's writes, the quota and state, in one thread."""
