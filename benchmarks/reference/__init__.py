"""The same product the plain way: what a competent team writes first. Only for measurements beside it."""
