"""A loop around ``requests``: no Singer, one call a RECORD line."""

import json
import sys

import requests


def main(api_url: str, api_key: str) -> None:
    """Send every record on standard input."""
    session = requests.Session()
    session.headers["X-API-Key"] = api_key
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "RECORD":
            record = message["record"]
            url = f"{api_url}/tasks/{record.pop('id')}"
            session.put(url, json=record, timeout=30).raise_for_status()


if __name__ == "__main__":
    main(*sys.argv[1:])
