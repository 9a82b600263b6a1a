"""What is sent to the providers: settings, tools, history, held against the SDKs' own types."""

from typing import Any

import pytest

from universal_mcp_client import ConfigError, ModelSettings


class TestSettings:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"temperature": 0}, "ModelSettings(temperature=0)"),
            ({"headers": {"Authorization": "Bearer secret"}}, "ModelSettings(...)"),
            ("temperature=0", "not str"),
        ],
    )
    def test_what_is_no_settings_is_an_error_that_says_how_to_write_them(
        self, given: Any, told: str
    ) -> None:
        with pytest.raises(ConfigError) as raised:
            ModelSettings.of(given, "agent 'clerk'")
        assert "agent 'clerk'" in str(raised.value) and told in str(raised.value)
        assert "secret" not in str(raised.value)

    def test_settings_and_none_are_taken(self) -> None:
        settings = ModelSettings(temperature=0)
        assert ModelSettings.of(settings, "here") is settings
        assert ModelSettings.of(None, "here") == ModelSettings()
