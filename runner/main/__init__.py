"""testlanes: a terminal dashboard for live parallel test runs."""
