"""Series of what was sold per day or month: their features, forecasts with intervals, and simple methods."""
