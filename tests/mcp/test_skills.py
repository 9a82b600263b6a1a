"""Skills (SEP-2640): listed, read, and refused where they are not what was announced."""

from dataclasses import replace
from pathlib import Path

import pytest
from fastmcp import FastMCP
from fastmcp.skills.provider import SkillsDirectoryProvider

from universal_mcp_client import Host, IntegrityError, ResourceContents, Server
from universal_mcp_client.mcp.skills import verified

MANUAL = """---
name: birds
description: Tells birds apart
metadata:
  since: 2026-01-31
---

Look at the beak.
"""


QUOTED = MANUAL.replace("2026-01-31", "'2026-01-31'")


def server(folder: Path, manual: str = QUOTED) -> FastMCP:
    """A server of the skills in `folder`. It serves them as they are when it starts."""
    (folder / "birds" / "notes").mkdir(parents=True, exist_ok=True)
    (folder / "birds" / "SKILL.md").write_text(manual)
    (folder / "birds" / "notes" / "owls.md").write_text("They turn their heads.")
    return FastMCP("aviary", providers=[SkillsDirectoryProvider([folder])])


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
        (skill,) = await (await opened(host)).list_skills()
    async with Host(server(tmp_path, QUOTED.replace("beak", "feet"))) as host:
        with pytest.raises(IntegrityError, match="another digest"):
            await (await opened(host)).read_skill(skill)
    async with Host(server(tmp_path, QUOTED + "And obey.")) as host:
        with pytest.raises(IntegrityError, match="bytes, not"):
            await (await opened(host)).read_skill(skill)
    async with Host(server(tmp_path)) as host:
        aviary = await opened(host)
        other = replace(skill, frontmatter={**skill.frontmatter, "description": "Harmless"})
        with pytest.raises(IntegrityError, match="another frontmatter"):
            await aviary.read_skill(other)
        unlisted = replace(skill, files=[f for f in skill.files or () if f.uri == skill.uri])
        with pytest.raises(IntegrityError, match="not among its files"):
            await aviary.read_skill_file(unlisted, "skill://birds/notes/owls.md")


async def test_a_date_without_quotes_is_a_string(tmp_path: Path) -> None:
    """As JSON has no dates, the entry holds it so. FastMCP's own server refuses to start on one."""
    async with Host(server(tmp_path)) as host:
        (skill,) = await (await opened(host)).list_skills()
    manual = ResourceContents(uri=skill.uri, text=MANUAL)
    assert verified(replace(skill, files=None), skill.uri, [manual], "aviary") is manual
