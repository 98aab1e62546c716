"""Resolves the ISBNs of one publisher to folders of a content store.

Here is what the host asks and how it is answered; the rule itself is in shelf.py, which knows nothing
of a host and is tested by `python3 -m unittest` like any other Python.
"""

# Everything that is imported here is loaded while the plug-in is built, not for each request.
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.plugin import Info
from wit_world.exports.resolver import Answer_Found, Answer_NotMine
from wit_world.imports import config, log
from wit_world.imports.common import Book, Context, Failure_NotFound, Location

import shelf
from told import tested, told


class Resolver(exports.Resolver):
    @told
    def resolve(self, ctx: Context, book: Book, hint):
        # What the center's operator has set for this plug-in.
        prefix = config.get("prefix")
        if prefix is None:
            raise Err(Failure_NotFound("the setting `prefix` is missing"))
        folder = shelf.path(book.id_type, book.id, prefix)
        if folder is None:
            # Not an error: the next plug-in of the center is asked.
            log.write(log.Level.DEBUG, "not one of ours", [])
            return Answer_NotMine()
        root = config.get("root") or "main"
        return Answer_Found(Location(root=root, path=folder, sha256=None, size=None, extra=[]))


class Plugin(exports.Plugin):
    def describe(self) -> Info:
        return Info(
            name="my-plugin",
            version="0.1.0",
            sdk="componentize-py 0.25.1",
            min_host="1.0.0",
            needs=[],
            extra=[],
        )

    @tested
    def self_test(self) -> None:
        """Run by the host before it takes the plug-in; what is raised keeps it out."""
        problem = shelf.self_test()
        if problem is not None:
            raise Err(problem)
