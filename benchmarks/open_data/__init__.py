"""Open survey data as people with harmonised attributes and answers to questions as they were asked."""
