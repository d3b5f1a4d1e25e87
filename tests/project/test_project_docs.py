"""Documents: they say what the code says, or the tests fail."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reply_tasks.contract import read_record
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.contract.records import TaskRecord
from reply_tasks.settings import TargetSettings, tap_settings_schema, target_settings_schema
from reply_tasks.settings.meltano import TAP, TARGET, meltano_settings
from tap_reply_tasks.tap import TapReplyTasks
from target_reply_tasks.target import TargetReplyTasks
from tools.settings_documents import DOCUMENTS, with_generated_parts
from tools.settings_tables import settings_markdown

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs/reference.md").read_text()
SCHEMAS = {TARGET: target_settings_schema(), TAP: tap_settings_schema()}
PLUGINS: dict[str, Any] = {TARGET: TargetReplyTasks, TAP: TapReplyTasks}
#: Meltano's word for a JSON type.
KINDS = {"object": "object", "boolean": "boolean", "integer": "integer", "string": "string"}


def definitions() -> dict[str, dict[str, Any]]:
    """Every definition of a plugin in the checkout, by where it is."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]
    return {
        "meltano.yml loader": project["loaders"][0],
        "meltano.yml extractor": project["extractors"][0],
        "hub loader": yaml.safe_load((ROOT / "plugins/loaders/target-reply-tasks.yml").read_text()),
        "hub extractor": yaml.safe_load(
            (ROOT / "plugins/extractors/tap-reply-tasks.yml").read_text()
        ),
    }


def json_blocks() -> list[Any]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", REFERENCE, re.DOTALL)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_parts_are_up_to_date(name: str) -> None:
    """What ``make docs`` would write is what is committed."""
    text = (ROOT / name).read_text()
    assert with_generated_parts(text, DOCUMENTS[name]) == text


def test_generating_needs_its_marked_lines() -> None:
    """A document that lost its marked lines is an error, not silently left as it is."""
    with pytest.raises(ValueError, match="no marked lines for settings"):
        with_generated_parts("no marks here", ("settings",))


@pytest.mark.parametrize("plugin", [TARGET, TAP])
def test_the_reference_names_every_setting_with_its_default(plugin: str) -> None:
    """The reference's tables hold each setting of the schema, and its default."""
    rows = dict(re.findall(r"^\| `(\w+)`<br>.*? \| (.*?) \| .* \|$", REFERENCE, re.MULTILINE))
    for name, schema in SCHEMAS[plugin]["properties"].items():
        if name.startswith(("stream_map", "flattening")):
            assert name in REFERENCE or "`flattening_*`" in REFERENCE
            continue
        default = schema.get("default")
        if default is not None:
            text = str(default).lower() if isinstance(default, bool) else str(default)
            assert rows[name] == f"`{text}`"
        else:
            assert rows[name] in {"", "null", "required"}
    assert settings_markdown() in REFERENCE


@pytest.mark.parametrize("where", definitions())
def test_a_plugin_definition_has_every_setting_of_the_schema(where: str) -> None:
    """Meltano knows each setting with the schema's kind, options, secrecy and default."""
    definition = definitions()[where]
    schema = SCHEMAS[definition["name"]]
    listed = {each["name"]: each for each in definition["settings"]}
    assert list(listed) == list(schema["properties"])
    assert definition["settings"] == meltano_settings(definition["name"])
    for name, property_schema in schema["properties"].items():
        setting = listed[name]
        types = property_schema["type"]
        json_type = types if isinstance(types, str) else next(t for t in types if t != "null")
        options = [each for each in property_schema.get("enum", []) if each is not None]
        date_time = property_schema.get("format") == "date-time"
        kind = "options" if options else "date_iso8601" if date_time else KINDS[json_type]
        assert setting["kind"] == kind
        assert [each["value"] for each in setting.get("options", [])] == options
        assert setting.get("sensitive", False) == property_schema.get("secret", False)
        assert setting["description"] == property_schema["description"]
        if name != "concurrency":
            assert setting.get("value") == property_schema.get("default")


@pytest.mark.parametrize("where", definitions())
def test_a_plugin_definition_fits_its_plugin(where: str) -> None:
    """Executable, namespace, capabilities and required settings are the plugin's own."""
    definition = definitions()[where]
    plugin = PLUGINS[definition["name"]]
    assert definition["executable"] == plugin.name == definition["name"]
    assert definition["namespace"] == plugin.name.replace("-", "_")
    assert sorted(definition["capabilities"]) == sorted(each.value for each in plugin.capabilities)
    (group,) = definition["settings_group_validation"]
    assert set(group) >= set(SCHEMAS[plugin.name]["required"])


@pytest.mark.parametrize("where", ["meltano.yml loader", "hub loader"])
def test_no_definition_states_a_concurrency_for_the_user(where: str) -> None:
    """A stated default would reach the target as the user's own number, which it never raises."""
    settings = {each["name"]: each for each in definitions()[where]["settings"]}
    assert "value" not in settings["concurrency"]


@pytest.mark.parametrize("where", ["meltano.yml extractor", "hub extractor"])
def test_a_definition_selects_what_the_tap_selects(where: str) -> None:
    """Meltano selects every stream unless told otherwise; the streams that cost calls stay out."""
    tap = TapReplyTasks(config={}, validate_config=False)
    selected = {
        stream["stream"]
        for stream in tap.catalog_dict["streams"]
        for each in stream["metadata"]
        if each["breadcrumb"] in ([], ()) and each["metadata"].get("selected-by-default", True)
    }
    assert {rule.removesuffix(".*") for rule in definitions()[where]["select"]} == selected


@pytest.mark.parametrize("plugin", [TARGET, TAP])
def test_about_lists_the_settings_and_nothing_else(plugin: str) -> None:
    """``--about`` offers the catalog's settings; SDK settings that mean nothing here are absent."""
    about = PLUGINS[plugin]._get_about_info()
    assert about.settings["properties"].keys() == SCHEMAS[plugin]["properties"].keys()


def test_meltano_sends_no_statistics() -> None:
    """The project file turns telemetry and the version check off, from the first command on."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    assert project["send_anonymous_usage_stats"] is False
    assert project["cli"]["disable_version_check"] is True
    assert [each["name"] for each in project["environments"]] == ["sandbox", "staging", "prod"]
    assert project["default_environment"] == "sandbox"


@pytest.mark.parametrize("environment", ["sandbox", "staging", "prod"])
def test_every_environment_is_a_config_that_is_accepted(environment: str) -> None:
    """What an environment of meltano.yml gives the plugins is read without complaint."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text())
    (plugins,) = [
        each["config"]["plugins"] for each in project["environments"] if each["name"] == environment
    ]
    variables = {"$REPLY_API_KEY": "key", "$REPLY_TASKS_LEDGER_URL": "sqlite:///ledger.db"}
    ledgers = set()
    for kind in ("loaders", "extractors"):
        (plugin,) = plugins[kind]
        config = {name: variables.get(value, value) for name, value in plugin["config"].items()}
        read = PLUGINS[plugin["name"]]
        assert read.name == plugin["name"]
        ledgers.add(TargetSettings.from_config(config).ledger_name)
    assert len(ledgers) == 1


def test_the_env_example_names_what_is_read() -> None:
    """Each variable of .env.example is one that meltano.yml, the plugins or the commands read."""
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
    prefixes = {TARGET: "TARGET_REPLY_TASKS_", TAP: "TAP_REPLY_TASKS_"}
    read = set(re.findall(r"\$(\w+)", (ROOT / "meltano.yml").read_text())) | {
        prefixes[plugin] + name.upper()
        for plugin, schema in SCHEMAS.items()
        for name in schema["properties"]
    }
    assert named <= read
    assert {"REPLY_API_KEY", "REPLY_TASKS_LEDGER_URL"} <= named


def test_the_reference_s_records_are_valid() -> None:
    """Every example record of the reference passes the contract."""
    execution_members = {"content", "emailAccountId"}
    records = [block for block in json_blocks() if "stream_maps" not in block]
    assert len(records) == 7
    for record in records:
        operation = Operation(
            record.get("operation")
            or ("execute" if execution_members & record.keys() else "update")
        )
        assert isinstance(read_record(record, operation).record, TaskRecord)


def test_the_reference_s_stream_maps_are_a_setting_that_is_accepted() -> None:
    """The reference's stream maps can be pasted into a config."""
    (maps,) = [block for block in json_blocks() if "stream_maps" in block]
    TargetReplyTasks(config={"api_key": "key", **maps}, validate_config=True)


def test_the_reference_lists_every_outcome_reason_stream_and_exit_code() -> None:
    """The closed vocabularies are told whole: no outcome, reason or stream is left out."""
    section = REFERENCE.partition("## What becomes of a record")[2].partition("## Settings")[0]
    rows = re.findall(r"^\| `?([\w, ]+)`? \|", section, re.MULTILINE)
    assert [row for row in rows if row in set(Outcome)] == list(Outcome)
    told = set(re.findall(r"`(\w+)`", section))
    assert set(Reason) <= told
    assert {"0", "1", "2", "130, 143"} <= set(rows)
    assert set(TapReplyTasks(config={}, validate_config=False).streams) <= told


@pytest.mark.parametrize(
    "document", sorted(each.relative_to(ROOT).as_posix() for each in ROOT.glob("*.md"))
)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    """A relative link in a document names a file of the checkout."""
    text = (ROOT / document).read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link


def test_the_commands_page_is_what_the_commands_say() -> None:
    """What ``make docs`` would write, but for the width of a line, which is click's own affair.

    In a process of its own: click keeps a command's help option as it was first asked for.
    """
    shown = subprocess.run(
        [sys.executable, "-m", "tools.command_documents", "show"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ROOT / "docs/commands.md").read_text().split() == shown.stdout.split()


def test_every_page_has_a_place_in_the_site() -> None:
    """A page that mkdocs.yml does not name can't be found."""
    docs = ROOT / "docs"
    named = re.findall(r"[\w/*-]+(?:\.md|/\*)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    found = {page for name in named for page in docs.glob(name)}
    assert {page.relative_to(docs).as_posix() for page in set(docs.rglob("*.md")) - found} == set()


def test_every_make_target_is_documented() -> None:
    """``make help`` lists each target that can be made by name."""
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert re.findall(r"^([a-z0-9-]+):.*## .+$", makefile, re.MULTILINE) == phony.split()


def test_each_test_that_approval_rests_on_is_there() -> None:
    """docs/guarantees.md names tests for what a yes and a no promise: each is one of ours."""
    text = (ROOT / "docs/guarantees.md").read_text()
    section = text.partition("\n## Approval\n")[2].partition("\n## ")[0]
    named = re.findall(r"`((?:tests/)?[\w/]*test_[\w.]+)`", section)
    ours = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).is_file() if "/" in name else f"def {name}(" in ours, name


def test_pictures_are_light_and_shown() -> None:
    """Each picture of the documents is used, and small enough for a clone."""
    pictures = sorted((ROOT / "docs/pictures").iterdir())
    shown = (ROOT / "docs/console.md").read_text()
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < 100_000
        assert f"](pictures/{picture.name})" in shown
