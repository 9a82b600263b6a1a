"""The agent: a loop, a run, a recipe, a session. Knows protocols only, no vendor."""
