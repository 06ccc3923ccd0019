"""Who someone is, what they may do, and what was done."""
