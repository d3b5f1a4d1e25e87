"""tap-reply-tasks: emits what Reply returned, and the fate of every record, for the warehouse."""
