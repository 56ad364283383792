"""Pure values and decisions: no input, no output, no clock read, no dice thrown."""
