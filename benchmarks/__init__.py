"""Benchmarks: what the target and the tap cost, in paired runs against plain peers."""
