"""Ground without business: settings, database, ids, money, clock, errors, jobs, Redis, logs."""
