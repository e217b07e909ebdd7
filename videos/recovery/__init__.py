"""Takes up again what a provider has made and billed."""
