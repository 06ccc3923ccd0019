"""What Prometheus reads: how the hub stands, asked of the database with bounded questions, and what each process counted."""
