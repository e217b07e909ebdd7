"""Who people are, and what they can spend."""
