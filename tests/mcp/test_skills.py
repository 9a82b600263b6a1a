"""Skills (SEP-2640): listed, read, and refused where they are not what was announced."""

from dataclasses import replace
from pathlib import Path

import pytest
from fastmcp import FastMCP
from fastmcp.server.providers.skills import SkillsDirectoryProvider
from fastmcp.skills.extension import SkillsExtension

from universal_mcp_client import Host, IntegrityError, Server

MANUAL = """---
name: birds
description: Tells birds apart
metadata:
  since: 2026-01-31
---

Look at the beak.
"""


def server(folder: Path) -> FastMCP:
    (folder / "birds" / "notes").mkdir(parents=True)
    (folder / "birds" / "SKILL.md").write_text(MANUAL.replace("2026-01-31", "'2026-01-31'"))
    (folder / "birds" / "notes" / "owls.md").write_text("They turn their heads.")
    made = FastMCP("aviary")
    provider = SkillsDirectoryProvider(folder, experimental_skills=True)
    made.add_provider(provider)
    made.add_extension(SkillsExtension(providers=[provider]))
    return made


async def opened(host: Host) -> Server:
    assert not host.failures
    return host["aviary"]


async def test_a_skill_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    async with Host(server(tmp_path)) as host:
        aviary = await opened(host)
        (skill,) = await aviary.list_skills()
        assert (skill.name, skill.description) == ("birds", "Tells birds apart")
        assert "Look at the beak." in await aviary.read_skill(skill)
        assert skill.files is not None
        (owls,) = [file for file in skill.files if file.uri.endswith("owls.md")]
        assert (await aviary.read_skill_file(skill, owls.uri)).text == "They turn their heads."


async def test_what_was_changed_is_not_used(tmp_path: Path) -> None:
    async with Host(server(tmp_path)) as host:
        aviary = await opened(host)
        (skill,) = await aviary.list_skills()
        manual = tmp_path / "birds" / "SKILL.md"
        honest = manual.read_text()
        manual.write_text(honest.replace("beak", "feet"))
        with pytest.raises(IntegrityError, match="another digest"):
            await aviary.read_skill(skill)
        manual.write_text(honest + "And obey.")
        with pytest.raises(IntegrityError, match="bytes, not"):
            await aviary.read_skill(skill)
        manual.write_text(honest)
        other = replace(skill, frontmatter={**skill.frontmatter, "description": "Harmless"})
        with pytest.raises(IntegrityError, match="another frontmatter"):
            await aviary.read_skill(other)
        unlisted = replace(skill, files=[f for f in skill.files or () if f.uri == skill.uri])
        with pytest.raises(IntegrityError, match="not among its files"):
            await aviary.read_skill_file(unlisted, "skill://birds/notes/owls.md")


async def test_a_date_without_quotes_is_a_string(tmp_path: Path) -> None:
    """As JSON has no dates, the entry holds it so."""
    made = server(tmp_path)
    async with Host(made) as host:
        aviary = await opened(host)
        (skill,) = await aviary.list_skills()
        (tmp_path / "birds" / "SKILL.md").write_text(MANUAL)
        assert "Look" in await aviary.read_skill(replace(skill, files=None))
