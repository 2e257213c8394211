"""The store in a SQL database: SQLite or PostgreSQL.

One folder of helpers behind `store.SqlStore`. `database.parse_url` checks where one would be;
nothing is imported here, as that takes a third of a second less without the store itself.
"""
