"""How both plugins read their settings: by our catalog, which says what is wrong in a sentence."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import click
from dotenv import find_dotenv, load_dotenv
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase, _ConfigInput

from reply_tasks.about_text import about_text
from reply_tasks.log_lines import LogLines
from reply_tasks.settings import (
    BUILTIN_SETTINGS,
    CommonSettings,
    SettingsError,
    merged,
    read_config_file,
    read_environment,
)
from reply_tasks.watchdog import Watchdog

#: What ``--config`` calls the environment, whose ``.env`` file is then read too.
ENVIRONMENT = "ENV"

S = TypeVar("S", bound=CommonSettings)


class CatalogedSettings(PluginBase, Generic[S]):
    """Mixed into a plugin: its settings are those of the catalog, and are read by its reader.

    The SDK's own validation takes no digit strings, which is all that an environment can give; it
    fills in defaults, after which nobody can tell what was given; and it can't name a near miss.
    """

    settings_class: ClassVar[type[CommonSettings]]
    #: Shown at the end of ``--help``.
    example: ClassVar[str]

    def __init__(
        self,
        *,
        config: dict[str, Any] | None = None,
        parse_env_config: bool = False,
        **arguments: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        """Take a config, and what the environment says beside it: where both speak, the config."""
        self._environment_problems: tuple[str, ...] = ()
        config = dict(config or {})
        if parse_env_config:
            try:
                config = merged(read_environment(os.environ, self._env_var_prefix), config)
            except SettingsError as error:
                self._environment_problems = error.problems
        super().__init__(config=config, **arguments)

    @cached_property
    def settings(self) -> S:
        """The settings.

        Raises:
            SettingsError: Something in the config is unknown, missing or wrong.
        """
        return self.settings_class.from_config(self.config)  # type: ignore[return-value]  # as declared by the plugin

    @classmethod
    def print_about(cls, output_format: str | None = None) -> None:
        """``--about``: as text for a person, else in the SDK's forms."""
        if output_format is not None:
            super().print_about(output_format)
            return
        about = cls._get_about_info()
        click.echo(
            about_text(
                about.name,
                about.version,
                about.description or "",
                about.settings,
                cls._env_var_prefix,
            ),
            nl=False,
        )

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The command line: the SDK's, with an example in its help."""
        command = super().get_singer_command()
        command.epilog = cls.example
        return command

    @classmethod
    def invoke(cls, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the SDK's own
        """Run the plugin as a command."""
        watchdog = Watchdog(cls.logger)
        with LogLines():
            watchdog.start()
            try:
                super().invoke(*arguments, **options)
            finally:
                watchdog.stop()

    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """``--config``: the files' settings, with those of the environment beside them."""
        del param
        if ENVIRONMENT in value:
            load_dotenv(find_dotenv(usecwd=True))
        try:
            files = [read_config_file(Path(name)) for name in value if name != ENVIRONMENT]
        except SettingsError as error:
            for problem in error.problems:
                cls.logger.error(problem)  # noqa: TRY400 - one line for a person
            ctx.exit(1)
        return _ConfigInput(config=merged(*files), parse_env=True)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Nothing to append: the settings' own schema has the built-ins that are offered."""

    def problems(self) -> list[str]:
        """What is wrong with the config; every problem is a sentence of its own."""
        found = [*self._environment_problems]
        try:
            _ = self.settings
        except SettingsError as error:
            found += error.problems
        properties = self.config_jsonschema["properties"]
        builtins = {"properties": {name: properties[name] for name in BUILTIN_SETTINGS}}
        found += [
            f"{'.'.join(map(str, error.path))}: {error.message}"
            for error in JSONSchemaValidator(builtins).iter_errors(self._config)
        ]
        return found

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the config.

        Raises:
            ConfigValidationError: It can't be used, and ``raise_errors`` says that this matters.
        """
        found = self.problems()
        if found and raise_errors:
            raise ConfigValidationError("The settings can't be used", errors=found)
        return found
