"""Code that runs inside the product's processes; `tests.chaos.launch` installs it after the fork server has started."""
