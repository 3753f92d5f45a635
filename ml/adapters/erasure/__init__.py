"""A customer's request to be forgotten: whose rows are whose, where they lie, and the search that proves them gone."""
