"""Values in lines of text, for people; nothing else in the package formats them."""
