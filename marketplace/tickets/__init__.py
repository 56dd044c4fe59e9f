"""The ticket's whole life: posted, funded, claimed, answered, resolved or escalated, perhaps reopened."""
