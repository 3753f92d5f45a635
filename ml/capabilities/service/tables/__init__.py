"""The tables that customer service publishes, by subject."""
