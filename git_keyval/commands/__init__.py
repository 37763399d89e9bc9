"""The commands of step mode, as functions of a database and their inputs. They know the port, never an adapter."""
