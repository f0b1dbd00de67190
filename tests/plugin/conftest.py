"""The package has tests of its own, which run as its author runs them: in a process where it is installed."""

collect_ignore = ["billctl-acme"]
