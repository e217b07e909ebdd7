"""What every API endpoint shares."""
