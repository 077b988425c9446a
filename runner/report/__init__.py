"""What a run says to people and programs besides the dashboard; each reporter reads the same events."""
