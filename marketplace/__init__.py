"""The foundation: the ground everything stands on, people, and the ticket's life."""
