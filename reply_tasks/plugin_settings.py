"""How both plugins read their settings: by our catalog, which says what is wrong in a sentence."""

import gc
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase

from reply_tasks.settings import BUILTIN_SETTINGS, CommonSettings, SettingsError


def spare_the_imported() -> None:
    """Keep the garbage collector from going through what the imports left, for ever in use.

    It takes a tenth of a run to look at it again and again.
    """
    gc.freeze()


S = TypeVar("S", bound=CommonSettings)


class CatalogedSettings(PluginBase, Generic[S]):
    """Mixed into a plugin: its settings are those of the catalog, and are read by its reader.

    The SDK's own validation takes no digit strings, which is all that an environment can give; it
    fills in defaults, after which nobody can tell what was given; and it can't name a near miss.
    """

    settings_class: ClassVar[type[CommonSettings]]

    @cached_property
    def settings(self) -> S:
        """The settings.

        Raises:
            SettingsError: Something in the config is unknown, missing or wrong.
        """
        return self.settings_class.from_config(self.config)  # type: ignore[return-value]  # as declared by the plugin

    @classmethod
    def invoke(cls, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the SDK's own
        """Run the plugin as a command."""
        spare_the_imported()
        super().invoke(*arguments, **options)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Nothing to append: the settings' own schema has the built-ins that are offered."""

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805
        """The settings that the environment gives; our own stay text, for the reader to judge."""
        properties = cls.config_jsonschema["properties"]
        texts = {name: {"type": "string"} for name in properties}
        builtins = {name: properties[name] for name in BUILTIN_SETTINGS}
        return parse_environment_config({"properties": texts | builtins}, cls._env_var_prefix)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the config; every problem is a sentence of its own."""
        problems: list[str] = []
        try:
            _ = self.settings
        except SettingsError as error:
            problems += error.problems
        properties = self.config_jsonschema["properties"]
        builtins = {"properties": {name: properties[name] for name in BUILTIN_SETTINGS}}
        problems += [
            f"{'.'.join(map(str, error.path))}: {error.message}"
            for error in JSONSchemaValidator(builtins).iter_errors(self._config)
        ]
        if problems and raise_errors:
            raise ConfigValidationError("The settings can't be used", errors=problems)
        return problems
