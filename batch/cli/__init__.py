"""The command line: parse, call one function, show what it returned, end with its exit code."""
