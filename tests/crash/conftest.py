"""Lets the checks of these tests explain what they found."""

import pytest

pytest.register_assert_rewrite("crash_world")
