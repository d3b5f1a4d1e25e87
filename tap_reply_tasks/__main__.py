"""The command ``tap-reply-tasks``, also as ``python -m tap_reply_tasks``."""

from reply_tasks.importing import importing

with importing():
    from tap_reply_tasks.tap import TapReplyTasks

main = TapReplyTasks.cli

if __name__ == "__main__":
    main()
