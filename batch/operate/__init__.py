"""An operator's commands, and the submissions they select."""
