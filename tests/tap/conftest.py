"""A sandbox for the tests that read from Reply."""

from tap_sandbox import config, server

__all__ = ["config", "server"]
