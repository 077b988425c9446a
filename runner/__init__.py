"""The meta-runner: everything of testlanes that is not the screen."""
