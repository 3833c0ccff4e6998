"""Training by gradients: a language model with LoRA under any objective, with runs that survive a kill."""
