"""What the screens show, computed from the run's state without Textual."""
