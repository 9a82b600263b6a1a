"""What may be started, read, sent and shown, and who decides it."""
