"""The built-in datasets on MongoDB: a collection for each table, its primary key as `_id`.

The collection `perfkit_datasets` says which datasets are perfkit's: it is written before the first
document and deleted from after the last drop, so that a load cut short can still be dropped.
"""

from typing import Any

from pymongo import ASCENDING, TEXT
from pymongo.database import Database

from perfkit.backends.datasets import Table, parameters, tables
from perfkit.errors import TargetError
from perfkit.scenario import Data

MARKERS = "perfkit_datasets"

Documents = Database[dict[str, Any]]


def make_data(database: Documents, data: Data) -> bool:
    """Makes the dataset; False when the very same was kept. TargetError when a name is taken."""
    wanted = {"_id": data.use, **parameters(data)}
    marked = database[MARKERS].find_one({"_id": data.use})
    if marked == {**wanted, "complete": True}:
        return False
    if marked is not None:
        drop_data(database, data)
    made = tables(data)
    _refuse_if_taken(database, made)
    database[MARKERS].insert_one({**wanted, "complete": False})
    for table in made:
        _fill(database, table)
    database[MARKERS].update_one({"_id": data.use}, {"$set": {"complete": True}})
    return True


def drop_data(database: Documents, data: Data) -> None:
    """Drops the dataset's collections if they are marked as perfkit's."""
    if database[MARKERS].find_one({"_id": data.use}) is None:
        return
    for table in tables(data):
        database.drop_collection(table.name)
    database[MARKERS].delete_one({"_id": data.use})
    if database[MARKERS].find_one() is None:
        database.drop_collection(MARKERS)


def _refuse_if_taken(database: Documents, made: tuple[Table, ...]) -> None:
    there = set(database.list_collection_names())
    for table in made:
        if table.name in there:
            raise TargetError(
                f"the database {database.name!r} has a collection {table.name!r} "
                "that perfkit did not make",
                hint="use another database, or your own setup in place of data.use",
            )


def _fill(database: Documents, table: Table) -> None:
    """Documents first, indexes after: building an index once is faster than growing it."""
    collection = database[table.name]
    fields = ["_id" if c.name == table.primary_key else c.name for c in table.columns]
    for block in table.rows():
        collection.insert_many(
            [dict(zip(fields, row, strict=True)) for row in block], ordered=False
        )
    for index in table.indexes:
        collection.create_index([(column, ASCENDING) for column in index])
    if table.full_text:
        collection.create_index([(column, TEXT) for column in table.full_text])
