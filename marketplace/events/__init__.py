"""The published language: facts that happened, written in their own transaction, told to subscribers.

Two kinds of subscriber hear of a fact (both named in `workers_ui/bootstrap.py`): in the same transaction, by
`Bus`, so that money cannot lag behind the fact; and after the commit, by the dispatcher reading the table.
"""
