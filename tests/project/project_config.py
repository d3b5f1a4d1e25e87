"""The target's settings from a config that names only what a test is about."""

from reply_tasks.settings import TargetSettings

KEY = "k-3141592653589793"


def target(**given: object) -> TargetSettings:
    return TargetSettings.from_config({"api_key": KEY, **given})
