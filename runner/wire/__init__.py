"""The inner channel, sans-IO: frames, the agent's messages, and an incremental subunit v2 decoder."""
