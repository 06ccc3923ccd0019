"""The learning store and the review queue: what cities sent, what people decided, what is true."""
