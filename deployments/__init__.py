"""Edge servers, rollouts, and what runs where."""
