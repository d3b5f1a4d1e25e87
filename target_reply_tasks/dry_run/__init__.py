"""A dry run: every record is planned as a run would, nothing is called and nothing is written."""
