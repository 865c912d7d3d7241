"""Actions on databases: their properties, finding rows by a filter, and upsert by a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from integrations.context import Context
from integrations.errors import Rejected
from integrations.notion import INTEGRATION as notion
from integrations.notion import plans
from integrations.notion.filters import TESTS, one_filter, test_of
from integrations.notion.interface import NotionClient, PageRecord, Parent
from integrations.notion.pages import CreatePageInput, create_page, parent_field, set_properties
from integrations.notion.properties import changed_properties
from integrations.notion.shapes import shown_page
from integrations.spec import Change, Kind, Model, setting
from integrations.spec import content as text


def source_field() -> Any:
    """The input that says in which database to look."""
    return text(
        "Database",
        help="Id or address of a database or data source.",
        example="your-database-id",
        choices="databases",
        min_length=1,
        max_length=1000,
    )


class SchemaInput(Model):
    """Which database."""

    database: str = source_field()


class PropertyInfo(Model):
    """One property."""

    name: str
    type: str
    options: list[str]


class DatabaseInfo(Model):
    """A database and its properties."""

    id: str
    title: str
    url: str
    properties: list[PropertyInfo]


@notion.action(
    "get_database", kind=Kind.READ, input=SchemaInput, output=DatabaseInfo, title="Get a database",
    phrase="reads the properties of a database", keywords=("schema", "columns", "data source"),
)  # fmt: skip
async def get_database(context: Context[NotionClient], values: SchemaInput) -> DatabaseInfo:
    """Read which properties a database has, of which types and with which options."""
    source = await _source(context.client, values.database)
    found = [PropertyInfo(name=name, type=_type(spec), options=_options(spec)) for name, spec in source.schema.items()]
    return DatabaseInfo(id=source.id, title=source.title, url=source.url, properties=found)


def _type(spec: Mapping[str, Any]) -> str:
    return str(spec.get("type", ""))


def _options(spec: Mapping[str, Any]) -> list[str]:
    inner = spec.get(_type(spec))
    options = inner.get("options") if isinstance(inner, Mapping) else spec.get("options")
    return [str(one.get("name", "")) if isinstance(one, Mapping) else str(one) for one in options or ()]


async def _source(client: NotionClient, reference: str) -> Parent:
    found = await client.find_parent(reference)
    if found.kind != "data_source":
        raise Rejected(
            f"{reference[:120]} is a page, not a database.",
            refused=True,
            hint="Name a database, or one of its data sources.",
        )
    return found


class Condition(Model):
    """One condition on a property."""

    property: str
    test: Literal[TESTS] = "equals"  # type: ignore[valid-type]
    value: Any = None


class QueryInput(Model):
    """Which rows."""

    database: str = source_field()
    conditions: list[Condition] = text(
        "Conditions",
        default=[],
        help="Each: property, test (equals, contains, before, after, greater_than, is_empty …), value.",
        example=[{"property": "Status", "test": "equals", "value": "New"}],
        max_length=50,
    )
    match: Literal["all", "any"] = setting("Match", default="all", help="All conditions, or any of them.")
    sort: str = text("Sort by", default="", help="A property, created_time or last_edited_time.", max_length=200)
    descending: bool = setting("The last first", default=False)
    limit: int = setting("At most", default=50, ge=1, le=5000)


class RowOut(Model):
    """One row."""

    id: str
    url: str
    title: str
    properties: dict[str, Any] = Field(default_factory=dict)
    created_time: str
    last_edited_time: str


class Rows(Model):
    """The rows that were found."""

    rows: list[RowOut]
    count: int


@notion.action(
    "query_database",
    kind=Kind.READ,
    input=QueryInput,
    output=Rows,
    title="Find rows of a database",
    phrase="finds rows of a database",
    timeout=120,
    keywords=("filter", "list", "items", "data source"),
)
async def query_database(context: Context[NotionClient], values: QueryInput) -> Rows:
    """Find the rows of a database that meet conditions; values come as people write them."""
    source = await _source(context.client, values.database)
    tests = [one_filter(source.schema, one.property, one.test, one.value) for one in values.conditions]
    sorts = [_sort(source.schema, values.sort, descending=values.descending)] if values.sort.strip() else []
    found = await context.client.rows(source, test_of(tests, values.match), sorts, values.limit)
    rows = [
        RowOut(**shown_page(row).model_dump(include={"id", "url", "title", "properties"}), **_times(row))
        for row in found
    ]
    return Rows(rows=rows, count=len(rows))


def _times(row: Any) -> dict[str, str]:
    return {"created_time": row.created_time, "last_edited_time": row.last_edited_time}


def _sort(schema: Mapping[str, Any], name: str, *, descending: bool) -> dict[str, str]:
    direction = "descending" if descending else "ascending"
    if name.strip() in ("created_time", "last_edited_time"):
        return {"timestamp": name.strip(), "direction": direction}
    if name.strip() not in schema:
        raise Rejected(
            f"There is no property “{name[:60]}” to sort by.", refused=True, hint=f"It has: {', '.join(schema)}."
        )
    return {"property": name.strip(), "direction": direction}


class UpsertInput(CreatePageInput):
    """The row as it shall be, and the property by which it is recognised."""

    parent: str = parent_field("Database")
    key: str = setting(
        "Key property", help="The row with the same value in it is changed.", example="Message id", max_length=200
    )


class Upserted(Model):
    """The row; `created` is false where it was there."""

    id: str
    url: str
    title: str
    created: bool


@notion.action(
    "upsert_page",
    kind=Kind.EFFECT,
    input=UpsertInput,
    output=Upserted,
    title="Create or change a row",
    phrase="creates or changes a row",
    changes=[
        Change("update_page", look=False, set_semantics=True, undo="Put the old values back", thing="page", weight=25),
        Change("create_page", look=True, undo="Move the page to the trash", thing="page", weight=20),
        Change("append", look=True, undo="Remove the blocks", thing="page", weight=25),
    ],
    timeout=120,
    keywords=("upsert", "sync", "unique"),
    foretell={"update_page": plans.set_properties, "create_page": plans.new_page, "append": plans.added_part},
)
async def upsert_page(context: Context[NotionClient], values: UpsertInput) -> Upserted:
    """Change the row that has the same value in the key property, or create it with its content where there is none."""
    source = await _source(context.client, values.parent)
    there = await _same(context.client, source, values)
    if there is not None:
        given = changed_properties(source.schema, values.title, values.properties)
        shown = {"title": values.title, "properties": values.properties}
        made = await set_properties(context, there, given, shown)
        return Upserted(id=made.id, url=made.url, title=made.title, created=False)
    new = await create_page(context, CreatePageInput(**values.model_dump(exclude={"key"})))
    return Upserted(id=new.id, url=new.url, title=new.title, created=True)


async def _same(client: NotionClient, source: Parent, values: UpsertInput) -> PageRecord | None:
    spec = source.schema.get(values.key)
    if spec is None:
        raise Rejected(
            f"There is no property “{values.key[:60]}” there.",
            refused=True,
            hint=f"It has: {', '.join(source.schema)}.",
        )
    value = values.title if spec.get("type") == "title" else values.properties.get(values.key)
    if value in (None, ""):
        raise Rejected(
            f"The key property “{values.key[:60]}” has no value.", refused=True, hint="Give it one in the properties."
        )
    found = await client.rows(source, one_filter(source.schema, values.key, "equals", value), [], 2)
    if len(found) > 1:
        raise Rejected(
            f"More than one row has {values.key} = {str(value)[:80]}.",
            refused=True,
            hint="Make the key unique, or choose another property.",
        )
    return PageRecord(found[0].id, found[0].url, found[0].title) if found else None
