"""What target and tap share: contract, API client, ledger, sandbox and operator's commands."""
