"""The demo: the whole loop over the real console scripts, against a sandbox that sends nothing."""
