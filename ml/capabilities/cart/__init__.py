"""Carts: what will be bought of them, what belongs with it, and which are worth a reminder."""
