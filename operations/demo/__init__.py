"""An account filled with looks and videos, to show the product."""
