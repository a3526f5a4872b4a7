"""`pierhead schema`: the schema of one kind of document, in one piece, as editors and other tools want it."""

from __future__ import annotations

import argparse
import json

from agent.core.schema_bundle import bundle, find_schema
from agent.core.schema_errors import suggest
from agent.errors import Usage
from agent.schema_files import schemas


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "schema",
        help="print the JSON Schema of a kind of document",
        description="Print one JSON Schema (draft 2020-12), self-contained, with every source kind inside that of a "
        "workload. Editors complete and check documents that carry its address in their first line: "
        "# yaml-language-server: $schema=FILE",
    )
    parser.add_argument("kind", nargs="?", metavar="KIND", help="for example Workload, source/image or agent")
    parser.add_argument("--list", action="store_true", help="list all kinds instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one schema, or the names of all."""
    known = schemas()
    if arguments.list:
        print("\n".join(known))
        return 0
    if arguments.kind is None:
        raise Usage("expected a kind of document, found none", advice="list them with pierhead schema --list")
    name = find_schema(known, arguments.kind)
    if name is None:
        advice = suggest(arguments.kind.lower(), known) or "list them with pierhead schema --list"
        raise Usage(f"expected a kind of document, found {arguments.kind}", advice=advice)
    print(json.dumps(bundle(known, name), indent=2, ensure_ascii=False))
    return 0
