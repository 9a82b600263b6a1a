"""Redis as a store that says so when an entry is corrupt; py-key-value's says "nothing there"."""

from typing import Any

from key_value.aio.stores.redis import RedisStore


class StrictRedisStore(RedisStore):
    """Raises DeserializationError for a corrupt entry."""

    async def _get_managed_entry(self, *, key: str, collection: str) -> Any:
        text: Any = await self._client.get(f"{collection}::{key}")
        return None if text is None else self._adapter.load_json(json_str=text)
