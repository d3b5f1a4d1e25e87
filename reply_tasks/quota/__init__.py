"""The quota of a Reply user, shared by all processes on one ledger."""
