"""What users do with their own account: change, export and delete it."""
