"""What this package raises. Trouble on the wire is never raised: it is an ``Answer``.

::

    ValueError
      +-- ConfigurationError    a setting is wrong: no call was made, a person must change it
"""


class ConfigurationError(ValueError):
    """A setting cannot work. The text names the setting and what to do; it holds no secret."""
