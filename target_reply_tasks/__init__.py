"""target-reply-tasks: applies task records to Reply.io, each exactly once, and records its fate."""
