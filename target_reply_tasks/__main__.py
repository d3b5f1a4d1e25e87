"""The command ``target-reply-tasks``, also as ``python -m target_reply_tasks``."""

from reply_tasks.importing import SELDOM_USED, importing, putting_off

with importing(), putting_off(*SELDOM_USED):
    from target_reply_tasks.target import TargetReplyTasks

main = TargetReplyTasks.cli

if __name__ == "__main__":
    main()
