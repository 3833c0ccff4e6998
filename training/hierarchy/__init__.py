"""The statistics: item shares, person effects, kernels across questions, and what known answers tell."""
