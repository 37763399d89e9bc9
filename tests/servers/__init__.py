"""Git servers on this machine for tests: smart HTTP on loopback, a stand-in for ssh, and the git binary behind both."""
