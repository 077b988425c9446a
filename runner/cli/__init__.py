"""The commands of the command line: each reads arguments and calls the engine or the repository."""
