"""How a language model of this machine writes: prompts read once, rows of a batch that leave it, forms."""
