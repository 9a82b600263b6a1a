"""What users write down: servers, settings, agents, prompts. Validated here, once."""
