"""From people to a population: official margins, weights, missing values, draws."""
