"""Members that a schema does not know: JSON Schema lets them pass, and an emulator must not invent any."""

from collections.abc import Callable, Iterator

from tools.contract.exchanges import Json


def unknown_members(schema: Json, instance: Json, resolve: Callable[[Json], Json], where: str = "") -> Iterator[str]:
    """Name the members of an instance that no part of the schema names; places in lists are not distinguished."""
    parts = list(_parts(schema, resolve))
    if isinstance(instance, list):
        items = [part["items"] for part in parts if "items" in part]
        for one in instance if items else ():
            yield from unknown_members({"anyOf": items}, one, resolve, f"{where}[]")
    if not isinstance(instance, dict):
        return
    if not any("properties" in part for part in parts) or any(part.get("additionalProperties") for part in parts):
        return  # any member may be there
    for name, value in instance.items():
        known = [part["properties"][name] for part in parts if name in part.get("properties", ())]
        place = f"{where}.{name}".lstrip(".")
        if known:
            yield from unknown_members({"anyOf": known}, value, resolve, place)
        else:
            yield place


def _parts(schema: Json, resolve: Callable[[Json], Json]) -> Iterator[Json]:
    """Yield a schema and all that it is made of."""
    schema = resolve(schema)
    yield schema
    for keyword in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(keyword, ()):
            yield from _parts(one, resolve)
