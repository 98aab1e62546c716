"""Names files by language and edition. Editions are in the center's own database; without an answer of
it a file is named without them, since a name is never worth a sale."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.plugin import Info
from wit_world.imports import log, sql

import names
from told import tested, told


class Naming(exports.Naming):
    @told
    def file_name(self, ctx, facts) -> str:
        known = dict(facts)
        return names.name(known, edition(known))


def edition(facts):
    book = [sql.Value_Text(facts["book-id-type"]), sql.Value_Text(facts["book-id"])]
    try:
        rows = sql.run("edition", book).rows
    except Err as refused:
        log.write(log.Level.WARNING, "no edition", [("cause", type(refused.value).__name__)])
        return None
    if rows and isinstance(rows[0][0], sql.Value_Integer):
        return rows[0][0].value
    return None


class Plugin(exports.Plugin):
    def describe(self) -> Info:
        return Info(
            name="edition-names",
            version="0.1.0",
            sdk="componentize-py 0.25.1",
            min_host="1.0.0",
            needs=["sql"],
            extra=[],
        )

    @tested
    def self_test(self) -> None:
        problem = names.self_test()
        if problem is not None:
            raise Err(problem)
