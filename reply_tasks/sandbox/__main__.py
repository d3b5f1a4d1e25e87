"""``python -m reply_tasks.sandbox`` serves the sandbox."""

from reply_tasks.sandbox.command import sandbox

sandbox(prog_name="reply-tasks sandbox")
