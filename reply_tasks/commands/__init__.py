"""The operator's commands, one module each, and the options that they share."""
