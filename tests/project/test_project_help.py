"""What a plugin says of itself is enough to begin with."""

from typing import Any

import pytest
from click.testing import CliRunner

from tap_reply_tasks.tap import TapReplyTasks
from target_reply_tasks.target import TargetReplyTasks

PLUGINS: list[Any] = [TargetReplyTasks, TapReplyTasks]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_about_says_what_each_setting_means(plugin: Any) -> None:
    """Each setting has its variable, its default and its whole description, 80 columns wide."""
    said = CliRunner().invoke(plugin.get_singer_command(), ["--about"]).stdout
    assert all(len(line) <= 80 or " " not in line.strip() for line in said.splitlines())
    flat = " ".join(said.split())
    schema = plugin.config_jsonschema
    for name, setting in schema["properties"].items():
        default = setting.get("default")
        shown = "not set" if default is None else f"default {default}".lower()
        shown = "required" if name in schema.get("required", ()) else shown
        prefix = plugin.name.upper().replace("-", "_")
        assert f"{name} ({shown})".lower() in flat.lower()
        assert f"{prefix}_{name.upper()}" in flat
        assert " ".join(setting["description"].split()) in flat


@pytest.mark.parametrize("plugin", PLUGINS)
def test_help_has_an_example(plugin: Any) -> None:
    """The example stands on lines of its own, and begins with the plugin's name."""
    said = CliRunner().invoke(plugin.get_singer_command(), ["--help"]).stdout
    _, _, example = said.partition("Example:\n")
    assert example.splitlines()[0].strip().startswith(plugin.name)
