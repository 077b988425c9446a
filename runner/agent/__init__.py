"""Sent to the target interpreter: standard library only, Python 3.8 and later, imports nothing else of testlanes."""
