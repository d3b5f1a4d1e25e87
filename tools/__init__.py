"""What writes and checks documents; developers' tools, not part of the distribution."""
