"""Toolsets: one small protocol which everything implements and everything wraps."""
