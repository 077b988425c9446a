"""Where runs are kept: the directories that testrepository and stestr read, and what testlanes keeps beside them."""
