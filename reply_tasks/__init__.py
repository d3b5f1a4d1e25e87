"""What the target and the tap share: contract, API client, ledger, sandbox and operator's commands."""
