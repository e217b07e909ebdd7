"""The whole system on one machine: `manage.py up`."""
