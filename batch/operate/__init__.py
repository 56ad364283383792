"""An operator's words and what they select."""
