"""The values which flow through everything. Standard library only."""
