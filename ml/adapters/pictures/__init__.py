"""The shop's pictures: fetched once, kept as thumbnails by the hash of their content."""
