"""The quota's tables, which all processes on one ledger share. ``reply_tasks.quota`` decides.

Users stand in them by a digest of key and user, never by name.
"""

from sqlalchemy import Column, Index, Integer, String, Table

from reply_tasks.ledger.tables import BIG, metadata

#: The log of calls: one row a grant, with the running total of its user's calls.
quota_calls = Table(
    "quota_calls",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("total", BIG, primary_key=True, autoincrement=False),  # calls of this user so far
    Column("calls", Integer, nullable=False),
    Column("at_ms", BIG, nullable=False),
    Index("quota_calls_by_time", "digest", "at_ms", "total"),
    sqlite_with_rowid=False,
)

#: What Reply told us to keep to: a series of 429s (``Refusals``) and what is left of its hour
#: (``Ceiling``, by column).
quota_pauses = Table(
    "quota_pauses",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("paused_until_ms", BIG, nullable=False, server_default="0"),
    Column("remaining", BIG),
    Column("reset_ms", BIG),
    Column("base", BIG),
    Column("in_flight", BIG),
    Column("until_ms", BIG),
    Column("refused", Integer, nullable=False, server_default="0"),
    Column("refused_since_ms", BIG, nullable=False, server_default="0"),
    Column("probe_until_ms", BIG, nullable=False, server_default="0"),
)
