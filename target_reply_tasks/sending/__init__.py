"""Sending: the calls of a claimed record, and what follows from each answer."""
