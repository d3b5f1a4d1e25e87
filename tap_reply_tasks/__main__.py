"""The command ``tap-reply-tasks``, also as ``python -m tap_reply_tasks``."""

from reply_tasks.importing import SELDOM_USED, importing, putting_off

with importing(), putting_off(*SELDOM_USED):
    from tap_reply_tasks.tap import TapReplyTasks

main = TapReplyTasks.cli

if __name__ == "__main__":
    main()
