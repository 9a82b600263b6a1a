"""Language models: one protocol, one adapter file for each wire format."""
