"""Pure statistics: what a few runs say, and how sure that is."""
