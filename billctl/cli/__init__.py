"""The command line: one module per command or group, and what they share."""
