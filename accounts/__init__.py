"""Users, and the tokens that they can spend."""
