"""The built-in datasets on MongoDB: a collection for each table, its primary key as `_id`.

A collection that perfkit made says so in its validator, a `$comment` that is never applied
(validationLevel off): it comes and goes with the collection, in the same command. Only such
collections are ever dropped.
"""

from collections.abc import Iterable
from typing import Any

from pymongo import ASCENDING, TEXT
from pymongo.database import Database

from perfkit.backends.datasets import Table, tables_on
from perfkit.backends.marks import Mark, mark_of, may_reuse, read_mark, unfinished_mark_of
from perfkit.scenario import Data

BACKEND = "MongoDB"

Documents = Database[dict[str, Any]]


def make_data(database: Documents, data: Data) -> bool:
    """Makes the dataset; False when the very same was kept. TargetError when a name is taken."""
    made = tables_on(BACKEND, data)
    present = _present(database, made)
    if may_reuse(data, [table.name for table in made], present):
        return False
    _drop(database, present)
    for table in made:
        database.create_collection(
            table.name, check_exists=False, **_validator(unfinished_mark_of(data))
        )
    for table in made:
        _fill(database, table)
    for table in made:
        database.command("collMod", table.name, **_validator(mark_of(data)))
    return True


def drop_data(database: Documents, data: Data) -> None:
    """Drops those of the dataset's collections that perfkit made."""
    present = _present(database, tables_on(BACKEND, data))
    _drop(database, [name for name, text in present.items() if read_mark(text)])


def _validator(mark: Mark) -> dict[str, Any]:
    return {"validator": {"$comment": str(mark)}, "validationLevel": "off"}


def _present(database: Documents, made: tuple[Table, ...]) -> dict[str, str | None]:
    """The comment in the validator of each collection or view that has one of these names."""
    names = [table.name for table in made]
    there = database.list_collections(filter={"name": {"$in": names}})
    return {each["name"]: _comment(each.get("options", {})) for each in there}


def _comment(options: dict[str, Any]) -> str | None:
    comment = options.get("validator", {}).get("$comment")
    return comment if isinstance(comment, str) else None


def _drop(database: Documents, names: Iterable[str]) -> None:
    for name in names:
        database.drop_collection(name)


def _fill(database: Documents, table: Table) -> None:
    """Documents first, indexes after: building an index once is faster than growing it."""
    collection = database[table.name]
    fields = ["_id" if name == table.primary_key else name for name in table.filled]
    for block in table.rows():
        collection.insert_many(
            [dict(zip(fields, row, strict=True)) for row in block], ordered=False
        )
    for index in table.indexes.values():
        collection.create_index([(column, ASCENDING) for column in index])
    if table.full_text:
        collection.create_index([(column, TEXT) for column in table.full_text])
