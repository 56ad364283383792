"""Benchmarks: one command each, side by side with peers, figures and a verdict printed."""
