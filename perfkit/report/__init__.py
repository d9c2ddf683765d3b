"""Reports: a result as blocks, and the blocks in the formats that people and machines read."""
