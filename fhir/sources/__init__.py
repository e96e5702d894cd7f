"""Where the rows of each type of resources come from, and how they are searched."""
