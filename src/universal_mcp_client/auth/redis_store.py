"""Redis as a store that says so when an entry is corrupt; py-key-value's says "nothing there"."""

from typing import Any

from key_value.aio._utils.compound import compound_key
from key_value.aio._utils.managed_entry import ManagedEntry
from key_value.aio.stores.redis import RedisStore


class StrictRedisStore(RedisStore):
    """Raises DeserializationError for a corrupt entry."""

    async def _get_managed_entry(self, *, key: str, collection: str) -> ManagedEntry | None:
        text: Any = await self._client.get(compound_key(collection=collection, key=key))
        return None if text is None else self._adapter.load_json(json_str=text)
