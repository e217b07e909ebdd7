"""What the back office pages of every app share."""
