"""The dashboard: a Textual app that reads the run's state and sends intents."""
