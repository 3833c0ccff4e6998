"""Where rows come from: files, databases, catalogued data; codebooks, customers, published shares."""
