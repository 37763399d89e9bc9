"""The contract check: the emulated GitHub, and what the adapter sends, held to what GitHub publishes about its API.

GitHub publishes a description of its REST API (OpenAPI) and its GraphQL schema; both come from npm, so this needs npm and a
network, and is no part of the tests. Nothing here speaks to GitHub itself.
"""
