"""What goes between Django's ORM and the database."""
