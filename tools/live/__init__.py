"""Asks the real GitHub what its documentation leaves open, and holds the adapter to the contract of the port there.

GIT_KEYVAL_LIVE_TOKEN and GIT_KEYVAL_LIVE_REPOSITORY (``owner/name``) name a throw-away repository, which has a first branch and
no database. GIT_KEYVAL_LIVE_PAUSE is how many seconds to wait after each write (1 if it is not set).
"""
