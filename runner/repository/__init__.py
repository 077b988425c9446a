"""Where runs are kept: in the directories of testrepository and stestr, or in memory."""
