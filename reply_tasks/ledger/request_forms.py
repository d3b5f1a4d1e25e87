"""How a Reply wants requests written, as found out by reads: kept, so that no run asks again."""

from sqlalchemy import Connection, bindparam, select

from reply_tasks.ledger.conflicts import insert_into
from reply_tasks.ledger.tables import request_forms


def remembered_form(
    connection: Connection, api_url: str, key_digest: str
) -> tuple[str, str] | None:
    """Header and form of enums that were found for this URL and key, if known yet."""
    row = connection.execute(
        select(request_forms.c.header, request_forms.c.enums).where(
            request_forms.c.api_url == api_url, request_forms.c.key_digest == key_digest
        )
    ).one_or_none()
    return None if row is None else (row.header, row.enums)


def remember_form(
    connection: Connection, api_url: str, key_digest: str, *, header: str, enums: str
) -> None:
    """Keep what was found, in the place of what was known before."""
    values = {
        "api_url": api_url,
        "key_digest": key_digest,
        "header": header,
        "enums": enums,
    }
    statement = insert_into(request_forms, connection.dialect.name).values(
        {name: bindparam(name) for name in values}
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[request_forms.c.api_url, request_forms.c.key_digest],
            set_={name: statement.excluded[name] for name in ("header", "enums")},
        ),
        values,
    )
