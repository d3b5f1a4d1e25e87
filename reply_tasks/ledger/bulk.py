"""Statements that run once for each of many rows: what each turn of the engine writes.

SQLAlchemy makes them and knows how each value is bound. It would find that out anew for each row,
which costs more than the database does; here it is asked once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert, Update

#: Values by the names of the statement's parameters.
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement as one database spells it.

    Attributes:
        text: Its SQL.
        processors: How a value becomes what the driver takes, for each name where it must.
        pick: What the driver takes for a row: the values in order, or by name.
    """

    text: str
    processors: tuple[tuple[str, Callable[[Any], Any]], ...]
    pick: Callable[[Values], Any]

    def bind(self, row: Values) -> Any:  # noqa: ANN401 - what the driver takes
        for name, process in self.processors:
            value = row[name]
            if value is not None:
                row[name] = process(value)
        return self.pick(row)


class Bulk:
    """A statement for many rows.

    Args:
        make: Makes it, for the name of a dialect; every value in it is a ``bindparam``.
    """

    def __init__(self, make: Callable[[str], Insert | Update]) -> None:
        self._make = make
        self._prepared: dict[str, _Prepared] = {}

    def run(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Run it for each row, which is used up; how many rows of the table it wrote."""
        dialect = connection.dialect
        prepared = self._prepared.get(dialect.name)
        if prepared is None:
            prepared = self._prepared[dialect.name] = self._prepare(dialect)
        bound = [prepared.bind(row) for row in rows]
        return connection.exec_driver_sql(prepared.text, bound).rowcount

    def _prepare(self, dialect: Dialect) -> _Prepared:
        compiled = self._make(dialect.name).compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler):  # pragma: no cover - it is one for every DML
            raise TypeError(type(compiled))
        processors = []
        for name, parameter in compiled.binds.items():
            process = parameter.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                processors.append((name, process))
        names = compiled.positiontup
        pick: Callable[[Values], Any] = dict if names is None else itemgetter(*names)
        return _Prepared(str(compiled), tuple(processors), pick)
