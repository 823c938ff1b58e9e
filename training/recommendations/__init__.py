"""Learning which products to recommend: from orders, views and the catalogue to arrays of products."""
