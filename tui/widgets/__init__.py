"""Widgets draw view models by the line and know nothing of the run."""
