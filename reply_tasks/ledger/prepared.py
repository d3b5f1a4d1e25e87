"""Statements that each turn of the engine runs: made and looked into once.

SQLAlchemy makes them and knows how each value is bound and read. It would find that out anew for
each run and each row, which costs more than the database does; here it is asked once.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert, Update
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.selectable import CompoundSelect, Select

Id = TypeVar("Id", int, str)
#: Values by the names of the statement's parameters.
Values = dict[str, Any]
_Convert = Callable[[Any], Any]

#: SQLite's smallest limit of bound values is 999.
IDS_A_QUERY = 500
_LENGTHS = (1, 10, 100, IDS_A_QUERY)
#: What stands for the ids in a ``Query``: ``column.in_(IDS)``.
IDS: BindParameter[Any] = bindparam("ids", expanding=True)


def batches(ids: list[Id]) -> Iterator[list[Id]]:
    """So many ids at a time, the last one repeated up to one of a few lengths.

    Each length is a statement of its own, and the drivers keep statements: 4 MB of them.
    """
    for start in range(0, len(ids), IDS_A_QUERY):
        batch = ids[start : start + IDS_A_QUERY]
        length = next(length for length in _LENGTHS if length >= len(batch))
        yield batch + batch[-1:] * (length - len(batch))


class _Prepared(NamedTuple):
    """A statement as one database spells it.

    Attributes:
        text: Its SQL.
        processors: How a value becomes what the driver takes, for each name where it must.
        pick: What the driver takes: the values in order, or by name.
    """

    text: str
    processors: tuple[tuple[str, _Convert], ...]
    pick: Callable[[Values], Any]

    def bind(self, values: Values) -> Any:  # noqa: ANN401 - what the driver takes
        for name, process in self.processors:
            value = values[name]
            if value is not None:
                values[name] = process(value)
        return self.pick(values)


class Bulk:
    """A statement that is run for each of many rows.

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
            compiled = _compiled(self._make(dialect.name).compile(dialect=dialect))
            prepared = self._prepared[dialect.name] = _prepare(compiled, dialect)
        bound = [prepared.bind(row) for row in rows]
        return connection.exec_driver_sql(prepared.text, bound).rowcount


class Query:
    """A statement that gives rows.

    Args:
        statement: Every value in it is a ``bindparam``, or ``IDS``.
    """

    def __init__(self, statement: Select[Any] | CompoundSelect[Any] | Update) -> None:
        self._statement = statement
        self._prepared: dict[tuple[str, int], _Prepared] = {}
        self._readers: dict[str, list[tuple[int, _Convert]]] = {}

    def rows(self, connection: Connection, **values: object) -> list[Sequence[Any]]:
        """Its rows, for these values."""
        return self._run(connection, values, ids=0)

    def rows_of(
        self, connection: Connection, ids: Collection[Id], **values: object
    ) -> Iterator[Sequence[Any]]:
        """Its rows, for all of these ids and values."""
        for some in batches(list(ids)):
            numbered = {f"ids_{number}": each for number, each in enumerate(some, 1)}
            yield from self._run(connection, numbered | values, ids=len(some))

    def _run(self, connection: Connection, values: Values, *, ids: int) -> list[Sequence[Any]]:
        dialect = connection.dialect
        prepared = self._prepared.get((dialect.name, ids))
        if prepared is None:
            prepared = self._prepare(dialect, ids)
        found = connection.exec_driver_sql(prepared.text, prepared.bind(values)).all()
        readers = self._readers[dialect.name]
        return [_read(row, readers) for row in found] if readers else list(found)

    def _prepare(self, dialect: Dialect, ids: int) -> _Prepared:
        compiled = _compiled(self._statement.compile(dialect=dialect))
        if ids:
            blank = {
                name: [None] * ids if parameter.expanding else None
                for name, parameter in compiled.binds.items()
                if parameter.required
            }
            spelled = self._statement.params(blank)
            kwargs = {"render_postcompile": True}
            compiled = _compiled(spelled.compile(dialect=dialect, compile_kwargs=kwargs))
        self._readers[dialect.name] = [
            (index, read)
            for index, column in enumerate(self._statement.exported_columns)
            if (read := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]
        # Last: what another thread finds prepared, it may use.
        prepared = self._prepared[dialect.name, ids] = _prepare(compiled, dialect, ids=ids)
        return prepared


def _read(row: Sequence[Any], readers: list[tuple[int, _Convert]]) -> list[Any]:
    values = list(row)
    for index, read in readers:
        if values[index] is not None:
            values[index] = read(values[index])
    return values


def _compiled(compiled: object) -> SQLCompiler:
    if not isinstance(compiled, SQLCompiler):  # pragma: no cover - it is one for every statement
        raise TypeError(type(compiled))
    return compiled


def _prepare(compiled: SQLCompiler, dialect: Dialect, *, ids: int = 0) -> _Prepared:
    processors = []
    for name, parameter in compiled.binds.items():
        process = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if process is not None:
            expanded = [f"{name}_{number}" for number in range(1, ids + 1)]
            processors += [(each, process) for each in expanded if parameter.expanding] or [
                (name, process)
            ]
    names = compiled.positiontup
    pick: Callable[[Values], Any] = dict if names is None else _in_order(names)
    return _Prepared(str(compiled), tuple(processors), pick)


def _in_order(names: Sequence[str]) -> Callable[[Values], Any]:
    """What picks values in order, also where they are one or none."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)
