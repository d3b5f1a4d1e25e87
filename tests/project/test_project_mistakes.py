"""A setting that can't be used is one clear sentence."""

from typing import Any

import pytest
from project_config import KEY, target

from reply_tasks.settings import SettingsError, TargetSettings

SLASHES = (
    "ledger_url must have three slashes before a file's name (sqlite:///ledger.db), and four "
    "before a path from the root (sqlite:////var/lib/ledger.db)."
)


NOT_A_ZONE = "timezone must be an IANA time zone such as UTC or Europe/Berlin"


NOT_A_FORMAT = (
    "date_format must be a format of strptime such as %d.%m.%Y %H:%M, "
    "or epoch_seconds or epoch_milliseconds"
)


KEY_IN_CLEAR = (
    "api_url must use https: http:// would send the key in clear, and is allowed only to loopback."
)


def problems(**given: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        target(**given)
    return caught.value.problems


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"concurency": 3}, "'concurency' is not a setting; did you mean concurrency?"),
        ({"API-URL": "x"}, "'API-URL' is not a setting; did you mean api_url?"),
        ({"ledger_url": "sqlite://x.db"}, SLASHES),
        ({"ledger_url": "sqlite://folder/x.db"}, SLASHES),
        ({"zzz": 3}, "'zzz' is not a setting; --about lists those that are."),
        ({"concurrency": 0}, "concurrency must be between 1 and 32, not 0."),
        ({"concurrency": 33}, "concurrency must be between 1 and 32, not 33."),
        ({"max_rejected": -1}, "max_rejected must be at least 0, not -1."),
        ({"max_rejected_percent": 101}, "max_rejected_percent must be between 1 and 100, not 101."),
        ({"request_timeout": True}, "request_timeout must be a whole number."),
        ({"request_timeout": "1.5"}, "request_timeout must be a whole number."),
        ({"dry_run": "maybe"}, "dry_run must be true or false."),
        ({"update_mode": "patch"}, "update_mode must be one of replace, merge, not 'patch'."),
        ({"date_format": "yyyy-MM-dd"}, f"{NOT_A_FORMAT}, and hold year, month and day."),
        ({"date_format": "%Q"}, f"{NOT_A_FORMAT}."),
        (
            {"timezone": "Berlin"},
            f"{NOT_A_ZONE}, not 'Berlin'.",
        ),
        (
            {"timezone": "../../etc/passwd"},
            f"{NOT_A_ZONE}, not '../../etc/passwd'.",
        ),
        (
            {"api_url": "https://api.reply.io"},
            "api_url must end in /v3, e.g. https://api.reply.io/v3.",
        ),
        (
            {"api_url": "http://api.reply.io/v3"},
            KEY_IN_CLEAR,
        ),
        (
            {"api_url": "http://127.0.0.1.example.com/v3"},
            KEY_IN_CLEAR,
        ),
        (
            {"api_url": "api.reply.io/v3"},
            "api_url must be an https URL, e.g. https://api.reply.io/v3.",
        ),
        ({"api_url": 3}, "api_url must be a string."),
        (
            {"api_url": "https://me:secret@api.reply.io/v3"},
            "api_url must hold no user, password, query or fragment; the key goes in api_key.",
        ),
        (
            {"ledger_url": "sqlite://"},
            "ledger_url must name a file or a server: a ledger in memory forgets what was sent.",
        ),
    ],
)
def test_a_wrong_setting_is_one_clear_sentence(given: dict[str, Any], sentence: str) -> None:
    """Each wrong setting is named in one sentence that says what to write instead."""
    assert problems(**given) == (sentence,)


def test_a_missing_key_is_said() -> None:
    """A target without a key stops with a sentence that names the setting."""
    with pytest.raises(SettingsError, match=r"^api_key must be set\.$"):
        TargetSettings.from_config({"api_key": " "})


def test_all_that_is_wrong_is_reported_at_once() -> None:
    """A user does not have to fix settings one run at a time."""
    assert len(problems(concurrency=0, timezone="x", update_mode="y", unknown=1)) == 4


@pytest.mark.parametrize(
    "name", ["load_method", "batch_size_rows", "add_record_metadata", "batch_config"]
)
def test_meaningless_sdk_settings_are_refused_with_a_reason(name: str) -> None:
    """SDK settings that mean nothing here are errors that say why, not silently ignored."""
    (sentence,) = problems(**{name: 1})
    assert sentence.startswith(f"'{name}' is not a setting here: ")


@pytest.mark.parametrize(
    "ledger_url",
    [
        "postgresql+psycopg://ada:s3cr3t@db.example.com:5433/ledger",
        "postgresql://db.example.com:5433/ledger?user=ada&password=s3cr3t",
    ],
)
def test_no_secret_is_shown(ledger_url: str) -> None:
    """Neither repr, nor the ledger's name, nor an error shows a key, a password or a person."""
    settings = target(ledger_url=ledger_url, user_email="ada@example.com")
    for text in (repr(settings), str(settings), settings.ledger_name):
        assert KEY not in text
        assert "s3cr3t" not in text
        assert "ada" not in text
    assert settings.ledger_name == "postgresql+psycopg://db.example.com:5433/ledger"
    bad = problems(
        api_key="se cr\x00et", ledger_url="mysql://ada:s3cr3t@h/d", user_email="nobody x"
    )
    assert len(bad) == 3
    assert not any(word in " ".join(bad) for word in ("se cr", "s3cr3t", "nobody"))
