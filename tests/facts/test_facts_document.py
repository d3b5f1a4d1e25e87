"""``docs/api.md`` says what the facts and the sandbox say."""

from pathlib import Path

import pytest

from tools.api_documents import DOCUMENT, with_generated_tables

TEXT = (Path(__file__).parents[2] / DOCUMENT).read_text()


def test_the_tables_are_up_to_date() -> None:
    """What ``make docs`` would write is what is committed."""
    assert with_generated_tables(TEXT) == TEXT


def test_writing_needs_the_marked_lines() -> None:
    """A document that lost them is an error, not silently left as it is."""
    with pytest.raises(ValueError, match="no marked lines for differences"):
        with_generated_tables(TEXT.replace("<!-- end of generated differences -->", ""))
