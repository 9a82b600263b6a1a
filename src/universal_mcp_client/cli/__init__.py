"""The command line: one file per command. Scripts depend on it; docs/cli.md is the contract."""
