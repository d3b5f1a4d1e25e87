"""The settings of target and tap: one catalog that documents them, one reader that checks them."""

from reply_tasks.settings.catalog import (
    BUILTIN_SETTINGS,
    COMMON_SETTINGS,
    DEFAULT_LEDGER_URL,
    Kind,
    OnLostAnswer,
    Setting,
    tap_settings,
    tap_settings_schema,
    target_settings,
    target_settings_schema,
)
from reply_tasks.settings.environment import merged, read_environment
from reply_tasks.settings.files import read_config_file
from reply_tasks.settings.parsing import SettingsError, usable_ledger_url
from reply_tasks.settings.values import CommonSettings, TapSettings, TargetSettings

__all__ = [
    "BUILTIN_SETTINGS",
    "COMMON_SETTINGS",
    "DEFAULT_LEDGER_URL",
    "CommonSettings",
    "Kind",
    "OnLostAnswer",
    "Setting",
    "SettingsError",
    "TapSettings",
    "TargetSettings",
    "merged",
    "read_config_file",
    "read_environment",
    "tap_settings",
    "tap_settings_schema",
    "target_settings",
    "target_settings_schema",
    "usable_ledger_url",
]
